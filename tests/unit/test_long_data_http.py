"""Archives on a web server, which may or may not send parts of files."""

import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from translate.data import layouts
from translate.data.images import decode, encode
from translate.domain import Domain
from translate.errors import UserError

pytest.importorskip("aiohttp", reason="fsspec reaches web servers by it")


def archive(first: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number in range(first, first + 3):
            content = encode(np.full((8, 8, 3), number, np.uint8), ".png")
            info = tarfile.TarInfo(f"{number}.png")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


FILES = {"/set/train-0.tar": archive(0), "/set/train-1.tar": archive(10)}
FILES["/set/"] = b'<a href="train-0.tar">0</a> <a href="train-1.tar">1</a>'


class Server(BaseHTTPRequestHandler):
    """Serves FILES; `sent` counts bytes, `ranges`: whether parts can be had."""

    ranges = True
    sent = 0

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        content = FILES.get(self.path)
        if content is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        part = content
        if asked and self.ranges:
            low, _, high = asked.removeprefix("bytes=").partition("-")
            part = content[int(low) : int(high) + 1 if high else None]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {low}-{int(low) + len(part) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if self.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/x-tar")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if body:
            type(self).sent += len(part)
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[True, False], ids=["ranges", "whole"])
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    handler = type("Handler", (Server,), {"ranges": request.param})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_pattern_and_a_listing(server: str) -> None:
    for place in (f"{server}/set/train-{{0..1}}.tar", f"{server}/set/"):
        pictures = layouts.find(place).split("train").of(Domain.B)
        assert [int(decode(one, 3)[0, 0, 0]) for one in pictures] == [0, 1, 2, 10, 11, 12]
    pictures[4].source.near()  # type: ignore[union-attr]
    assert decode(pictures[4], 3)[0, 0, 0] == 11


def test_an_archive_that_is_not_there(server: str) -> None:
    with pytest.raises(UserError, match=r"train-2\.tar: there is no such file"):
        layouts.find(f"{server}/set/train-{{0..2}}.tar")
