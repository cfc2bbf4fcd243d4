"""The page's server: who may reach it, on which port, and that nothing is left when it ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from ipaddress import ip_address
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from translate.errors import UserError
from translate.ui.guards import Hosts
from translate.ui.scratch import Scratch

PORT, PORTS = 7860, 100
"""The first port, and how many after it are tried."""
MEGABYTES = 256
"""An upload at most."""


def prepare(scratch: Scratch) -> None:
    """Set what Gradio reads when it is imported: its files lie in `scratch`, and it tells nobody that it is used."""
    os.environ.update(GRADIO_TEMP_DIR=str(scratch.path), GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
    # It asks its own server whether it is there, which a proxy would not know.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost,127.0.0.1,::1"]))


def is_local(host: str) -> bool:
    """Whether only programs on this machine reach that address."""
    with suppress(ValueError):
        return ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


def free_port(host: str, port: int | None) -> int:
    """`port`, or the first free one from PORT on. UserError where it is taken, or where the address is not ours."""
    tried = [port] if port is not None else range(PORT, PORT + PORTS)
    for one in tried:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), one, type=socket.SOCK_STREAM)[0]
            with closing(socket.socket(family, kind, protocol)) as probe:
                if os.name == "posix":  # elsewhere it would share a port that is taken
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return one
        except OSError as error:
            if isinstance(error, socket.gaierror) or not _taken(error):
                raise UserError(
                    f"can't be listened on: {error.strerror or error}",
                    where=f"--host {host}" if port is None else f"--host {host} --port {port}",
                    expected="an address of this machine, such as 127.0.0.1",
                ) from None
    what = f"port {port} is taken" if port is not None else f"ports {PORT} to {PORT + PORTS - 1} are all taken"
    raise UserError(what, where="--port", hint="another --port, or none: the next free one is taken then")


def _taken(error: OSError) -> bool:
    return error.errno == errno.EADDRINUSE


def start(
    blocks: Any, looks: dict[str, Any], scratch: Scratch, host: str, port: int, share: bool
) -> tuple[str, str | None]:
    """Serve the page in the background; its address here, and the public one if it is shared."""
    host = f"[{host.strip('[]')}]" if ":" in host else host
    hosts = Hosts(host if is_local(host) else None)
    _, address, public = blocks.launch(
        server_name=host,
        server_port=port,
        share=share,
        inbrowser=False,
        inline=False,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        footer_links=[],
        run_history=False,
        allowed_paths=[str(scratch.path)],
        max_file_size=MEGABYTES * 2**20,
        max_threads=8,
        state_session_capacity=200,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        app_kwargs={"middleware": hosts.guards()},
        **looks,
    )
    if public:
        hosts.add(urlsplit(public).hostname or "")
    if host in ("0.0.0.0", "[::]"):
        address = f"http://{_own_address()}:{port}/"
    return address, public


def _own_address() -> str:
    """The address by which other machines know this one; its name where it has none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # which sends nothing: it picks the way that leads out
        return str(probe.getsockname()[0])
    return socket.gethostname()


def wait(blocks: Any, told: Callable[[], None]) -> None:
    """Until Ctrl-C, or until somebody ends the process (SIGTERM), which is a KeyboardInterrupt too. `told`: called when
    all is ready."""

    def ended(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        told()
        threading.Event().wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        blocks.close(verbose=False)


def leave(code: int) -> NoReturn:
    """End the process now: Python would wait for the thread of a computation whose result nobody wants any more."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
