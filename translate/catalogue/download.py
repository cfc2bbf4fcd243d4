"""One file from a web server: what has arrived stays, whatever breaks, and the next try goes on from there."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from translate import __version__
from translate.errors import UserError
from translate.keeping import durable

PART = ".part"
STATE = ".state.json"
SECONDS = 60
"""Silence after which a connection counts as broken; also the longest pause."""
_PIECE = 1 << 18
_PASSING = {408, 425, 429, 500, 502, 503, 504}

Progress = Callable[[int, int | None], None]


class _Broken(Exception):  # noqa: N818 - it says what is
    """A try that failed, and may be repeated after `wait` seconds (None: as usual); `nameless`: the server's name is
    not known."""

    def __init__(self, why: str, wait: float | None = None, nameless: bool = False) -> None:
        super().__init__(why)
        self.wait, self.nameless = wait, nameless


class _Refused(Exception):  # noqa: N818 - it says what is
    """A try that would fail again."""


def download(
    urls: Sequence[str],
    target: Path,
    *,
    size: int | None = None,
    retries: int = 5,
    report: Progress = lambda done, total: None,
    tell: Callable[[str], None] = lambda sentence: None,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Bring the file of the first URL that works to `target`; returns that URL. `size`: its bytes, where known.

    What arrived before lies beside it and is continued if the server still has the same file (RFC 9110, If-Range);
    `retries` tries in a row without a new byte end it: UserError, and the part stays. `tell` hears of each.
    """
    reasons: list[str] = []
    for url in urls:
        if reasons:
            tell(f"{reasons[-1]}; now from {_host(url)}")
        try:
            _persistently(url, target, size, retries, report, tell, pause)
        except _Refused as error:
            reasons.append(f"{url}: {error}")
        else:
            return url
    raise UserError(
        "can't be downloaded: " + "; ".join(reasons),
        where=target.name,
        hint="the same command later continues; or get it by hand and add --file " + target.name,
    )


def sha256(path: Path, report: Progress = lambda done, total: None) -> str:
    """The file's SHA-256 in hexadecimal."""
    digest, total, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            done += len(piece)
            report(done, total)
    return digest.hexdigest()


def _persistently(
    url: str,
    target: Path,
    size: int | None,
    retries: int,
    report: Progress,
    tell: Callable[[str], None],
    pause: Callable[[float], None],
) -> None:
    part = target.with_name(target.name + PART)
    start = _size(part)
    failures, furthest = 0, start
    while True:
        try:
            _once(url, part, size, report)
        except _Broken as error:
            # Only new ground counts: a server that always breaks at the same byte would be asked for ever.
            failures = 0 if _size(part) > furthest else failures
            furthest = max(furthest, _size(part))
            failures += 1
            # A name that nobody knows before the first byte: there is no network, or no such server.
            most = min(retries, 1) if error.nameless and furthest == start else retries
            if failures > most:
                raise _Refused(f"{error} ({failures} {'try' if failures == 1 else 'tries'})") from None
            seconds = min(2.0 ** (failures - 1) if error.wait is None else error.wait, SECONDS)
            tell(f"{_host(url)}: {error}; next try in {seconds:.0f} s ({failures} of {most})")
            pause(seconds)
        else:
            os.replace(part, target)
            part.with_name(part.name + STATE).unlink(missing_ok=True)
            return


def _once(url: str, part: Path, size: int | None, report: Progress) -> None:
    """One request. Returns when the part is whole."""
    state = _state(part)
    known = state.get("validator") if state.get("url") == url else None
    start = _size(part) if known else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"translate/{__version__}"})
    request.add_header("Accept-Encoding", "identity")
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", str(known))
    try:
        answer = urllib.request.urlopen(request, timeout=SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start and state.get("total") == start:
            return  # all of it had arrived
        if error.code == 416 and start:
            _begin_again(part)
            raise _Broken("the server has less of it than had arrived", 0) from None
        if error.code in _PASSING:
            raise _Broken(f"{error.code} {error.reason}", _seconds(error.headers.get("Retry-After"))) from None
        raise _Refused(f"{error.code} {error.reason}") from None
    except (http.client.HTTPException, OSError) as error:
        raise _broken(error) from None
    with answer:
        _receive(answer, url, part, start, size, report)


def _broken(error: Exception) -> _Broken:
    why = getattr(error, "reason", None) or error
    nameless = isinstance(why, socket.gaierror)
    return _Broken(getattr(why, "strerror", None) or str(why) or type(error).__name__, nameless=nameless)


def _receive(answer: Any, url: str, part: Path, start: int, size: int | None, report: Progress) -> None:
    """Write what the server sends at the right place."""
    headers = answer.headers
    if headers.get_content_type() == "text/html":
        raise _Refused("the server answers with a web page, not with the file")
    length = int(headers["Content-Length"]) if (headers.get("Content-Length") or "").isdecimal() else None
    if answer.status == 206:
        begins, total = _range(headers.get("Content-Range"))
        if begins != start or total is None or _state(part).get("total") not in (None, total):
            _begin_again(part)
            raise _Broken("the server sent another part than was asked for", 0)
    else:  # it does not know ranges, or has another file by now
        start, total = 0, length
    if size is not None and total is not None and total != size:
        raise _Refused(f"the server has {total:,} bytes, and {size:,} were expected: it is another file")
    if start == 0:
        _begin_again(part)
        durable.write(
            _state_file(part), json.dumps({"url": url, "validator": _validator(headers), "total": total}).encode()
        )
    done = start
    with part.open("ab") as file:
        while True:
            try:
                piece = answer.read1(_PIECE)
            except (http.client.HTTPException, OSError) as error:  # the network's: writing stands outside
                raise _broken(error) from None
            finally:
                file.flush()
            if not piece:
                break
            file.write(piece)
            done += len(piece)
            report(done, total or size)
        os.fsync(file.fileno())
    wanted = total if total is not None else size
    if wanted is not None and done < wanted:
        raise _Broken(f"the connection ended after {done:,} of {wanted:,} bytes")
    if wanted is not None and done > wanted:
        _begin_again(part)
        raise _Broken(f"{done:,} bytes came, and {wanted:,} were announced")


def _validator(headers: Any) -> str | None:
    """What says that it is still the same file: a strong ETag, or else the date (RFC 9110, section 13.1.5)."""
    tag: str | None = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    dated: str | None = headers.get("Last-Modified")
    return dated


def _range(text: str | None) -> tuple[int, int | None]:
    """First byte and whole length of "bytes 5-9/10"; -1 where it makes no sense."""
    try:
        span, _, total = (text or "").removeprefix("bytes ").partition("/")
        return int(span.partition("-")[0]), int(total) if total != "*" else None
    except ValueError:
        return -1, None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdecimal() else None


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _state_file(part: Path) -> Path:
    return part.with_name(part.name + STATE)


def _state(part: Path) -> dict[str, Any]:
    try:
        found = json.loads(_state_file(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _begin_again(part: Path) -> None:
    _state_file(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
