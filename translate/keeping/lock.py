"""One process a run folder, held by the operating system: a process that is killed leaves nothing to clear away."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from translate.config import LOCK
from translate.errors import UserError

CAN_NOT = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextmanager
def held(run: Path, warn: Callable[[str], None] = lambda sentence: None) -> Iterator[None]:
    """Be the only process that trains in `run`; UserError, at once, that names the one that does.

    Makes the folder; if nothing else came into it, it is removed again.
    """
    from filelock import FileLock, Timeout

    made = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    path = run / LOCK
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"is being trained by {_holder(path)}",
            where=str(run),
            expected="one process for each run folder",
            hint="wait for it, stop it (it saves and ends), or another --out",
        ) from None
    except OSError as error:
        if error.errno not in CAN_NOT:
            raise
        warn(f"{run} lies where files can't be locked: take care that no other process trains there")
        yield
        return
    try:
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now().isoformat(" ", "seconds")}
        with suppress(OSError):  # on Windows nobody may touch what is locked; then it is nameless
            path.write_text(json.dumps(about), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # while it is held: whoever waits for it sees that it is gone and makes another
            path.unlink()
        lock.release()
        if made:
            with suppress(OSError):  # it holds something: a run
                run.rmdir()


def _holder(path: Path) -> str:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return f"process {about['pid']} on {about['host']} since {about['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
