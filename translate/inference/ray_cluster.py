"""A Ray cluster: reached or started, quietly, and how many workers it has room for."""

from __future__ import annotations

import logging
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from translate.errors import UserError

THREADS = 4
"""Cores of a worker without a GPU, where every machine has so many."""
_REACHED_IN = 5.0
# Read when Ray is imported. Its workers are nice to others by default, and starve where somebody else computes.
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_worker_niceness": "0"}


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Connected to the cluster at `address` or RAY_ADDRESS, or to one started here, which is ended again. One that the
    caller is connected to is left alone."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
    _require_listener(address)
    try:
        with _no_chatter():
            # Without "local", Ray would take any cluster that was once started on this machine, be it at its end.
            ray.init(
                address=address or "local", include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL
            )
    except (Exception, SystemExit) as error:  # Ray ends the process where a cluster falls silent
        with suppress(Exception):
            ray.shutdown()
        where = "--engine ray" if address is None else f"--address {address}"
        raise UserError(
            f"no Ray cluster could be {'started' if address is None else 'reached'}: {last_line(error)}",
            where=where,
            expected="HOST:PORT of a running cluster with the same Ray and Python, or no address to start one here",
            hint="RAY_AUTH_MODE=token, if the cluster asks for a token" if address else None,
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Without warnings, and without what Ray's native code writes to the terminal."""
    with warnings.catch_warnings(), open(os.devnull, "w", encoding="utf-8") as nowhere:
        warnings.simplefilter("ignore")
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _require_listener(address: str | None) -> None:
    """UserError where nobody listens: Ray itself would try for minutes."""
    found = re.fullmatch(r"(?:ray://)?(?P<host>[^/]+):(?P<port>\d+)", address or "")
    if found is None:
        return
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), _REACHED_IN).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"nothing answers there: {error}",
            where=f"--address {address}",
            expected="HOST:PORT of a running cluster, as `ray start --head` says it",
        ) from None


def workers(device: str) -> tuple[int, dict[str, Any]]:
    """How many workers the cluster has room for, and what each of them takes of it."""
    import ray

    gpus = int(ray.cluster_resources().get("GPU", 0))
    if device.startswith("cuda") and not gpus:
        raise UserError("the cluster has no GPUs", where=f"--device {device}", hint="--device cpu")
    if device.startswith("cuda") or (device == "auto" and gpus):
        return gpus, {"num_gpus": 1}
    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    threads = min([THREADS, *(count for count in cores if count)])
    return max(1, sum(count // threads for count in cores)), {"num_cpus": threads}


def last_line(error: BaseException) -> str:
    """The line of a long message that says most: the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
