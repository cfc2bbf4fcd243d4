"""Downloads from a web server on this machine that breaks, ignores, lies and changes its mind."""

import errno
import hashlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from translate.catalogue.download import PART, download, sha256
from translate.errors import UserError

CONTENT = bytes(range(256)) * 400
OTHER = CONTENT[::-1]


class Behaviour:
    """What the server does with its next requests: one function each, the last one for all that follow."""

    def __init__(self) -> None:
        self.plan: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.asked: list[dict[str, str]] = []

    def next(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(dict(request.headers))
        (self.plan.pop(0) if len(self.plan) > 1 else self.plan[0])(request)


def send(
    content: bytes = CONTENT,
    *,
    stop: int | None = None,
    ranges: bool = True,
    tag: str | None = '"1"',
    length: int | None = None,
    kind: str = "application/zip",
) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server of `content` that closes the connection after `stop` bytes of it, announcing `length`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = 0
        asked = request.headers.get("Range")
        if asked and ranges and request.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            request.send_response(200)
        if tag:
            request.send_header("ETag", tag)
        request.send_header("Content-Type", kind)
        announced = len(content) - start if length is None else length
        if announced >= 0:
            request.send_header("Content-Length", str(announced))
        request.end_headers()
        request.wfile.write(content[start:stop])

    return answer


def fail(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@pytest.fixture
def server() -> Iterator[tuple[str, Behaviour]]:
    behaviour = Behaviour()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour.next(self)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/set.zip", behaviour
    running.shutdown()
    thread.join()
    running.server_close()


class Pauses(list[float]):
    """Instead of waiting."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "set.zip"


def test_a_broken_download_goes_on_where_it_broke(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(stop=1000), send(stop=60_000), send()]
    seen: list[tuple[int, int | None]] = []
    pauses = Pauses()
    assert download([url], target, report=lambda *now: seen.append(now), pause=pauses) == url
    assert target.read_bytes() == CONTENT
    assert [asked.get("Range") for asked in behaviour.asked] == [None, "bytes=1000-", "bytes=60000-"]
    assert behaviour.asked[1]["If-Range"] == '"1"'
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert pauses == [1, 1]  # each had new ground
    assert [path.name for path in target.parent.iterdir()] == ["set.zip"]


def test_another_process_goes_on_too(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(stop=5000)]
    with pytest.raises(UserError, match="the connection ended"):
        download([url], target, retries=0, pause=Pauses())
    assert target.with_name("set.zip" + PART).stat().st_size == 5000
    assert not target.exists()
    behaviour.plan = [send()]
    download([url], target, pause=Pauses())
    assert behaviour.asked[-1]["Range"] == "bytes=5000-"
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_between_two_tries_is_not_mixed(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(stop=70_000), send(OTHER, tag='"2"')]
    download([url], target, pause=Pauses())
    assert behaviour.asked[1]["Range"] == "bytes=70000-"
    assert target.read_bytes() == OTHER


def test_a_server_without_ranges_begins_again(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(stop=70_000, ranges=False), send(ranges=False)]
    download([url], target, pause=Pauses())
    assert target.read_bytes() == CONTENT


def test_a_server_that_dates_nothing_is_never_continued(server: tuple[str, Behaviour], target: Path) -> None:
    """Without an ETag or a date nobody can tell whether the rest is the rest of the same file."""
    url, behaviour = server
    behaviour.plan = [send(stop=70_000, tag=None), send(OTHER, tag=None)]
    download([url], target, pause=Pauses())
    assert "Range" not in behaviour.asked[1]
    assert target.read_bytes() == OTHER


@pytest.mark.parametrize("tag", ['W/"1"', None])
def test_a_weak_tag_says_nothing_of_bytes(server: tuple[str, Behaviour], target: Path, tag: str | None) -> None:
    url, behaviour = server
    behaviour.plan = [send(stop=100, tag=tag), send(tag=tag)]
    download([url], target, pause=Pauses())
    assert "If-Range" not in behaviour.asked[1]


def test_another_part_than_was_asked_for_is_thrown_away(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server

    def shifted(request: BaseHTTPRequestHandler) -> None:
        request.send_response(206)
        request.send_header("Content-Range", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT)

    behaviour.plan = [send(stop=1000), shifted, send()]
    download([url], target, pause=Pauses())
    assert target.read_bytes() == CONTENT


def test_all_had_arrived_but_the_last_word(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    part = target.with_name("set.zip" + PART)
    part.write_bytes(CONTENT)
    state = {"url": url, "validator": '"1"', "total": len(CONTENT)}
    part.with_name(part.name + ".state.json").write_text(json.dumps(state))
    behaviour.plan = [fail(416)]
    download([url], target, pause=Pauses())
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    part = target.with_name("set.zip" + PART)
    part.write_bytes(CONTENT + b"more")
    part.with_name(part.name + ".state.json").write_text(json.dumps({"url": url, "validator": '"1"', "total": 10**9}))
    behaviour.plan = [fail(416), send()]
    download([url], target, pause=Pauses())
    assert target.read_bytes() == CONTENT


def test_a_part_of_another_address_or_a_spoilt_state_is_not_continued(
    server: tuple[str, Behaviour], target: Path
) -> None:
    url, behaviour = server
    part = target.with_name("set.zip" + PART)
    for state in (json.dumps({"url": "http://elsewhere", "validator": '"1"'}), "{", "[]"):
        part.write_bytes(b"something else")
        part.with_name(part.name + ".state.json").write_text(state)
        behaviour.plan = [send()]
        download([url], target, pause=Pauses())
        assert target.read_bytes() == CONTENT


def test_announced_too_much_is_noticed(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(length=len(CONTENT) + 7)]
    with pytest.raises(UserError, match=r"102,400 of 102,407 bytes \(3 tries\)"):
        download([url], target, retries=2, pause=Pauses())
    assert not target.exists()


def test_announced_too_little_is_noticed_by_what_the_recipe_knows(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(length=100)]
    with pytest.raises(UserError, match=r"has 100 bytes, and 102,400 were expected"):
        download([url], target, size=len(CONTENT), pause=Pauses())
    assert not target.exists()


@pytest.mark.parametrize("cut", [True, False])
def test_no_length_at_all(server: tuple[str, Behaviour], target: Path, cut: bool) -> None:
    url, behaviour = server
    behaviour.plan = [send(length=-1, stop=500 if cut else None)]
    if cut:
        with pytest.raises(UserError, match="500 of 102,400"):
            download([url], target, size=len(CONTENT), retries=1, pause=Pauses())
    else:
        download([url], target, size=len(CONTENT), pause=Pauses())
        assert target.read_bytes() == CONTENT


def test_pauses_grow_and_end(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [fail(503)]
    pauses, told = Pauses(), []
    with pytest.raises(UserError, match=r"503 .*\(9 tries\)"):
        download([url], target, retries=8, tell=told.append, pause=pauses)
    assert told[2] == url.split("/")[2] + ": 503 Service Unavailable; next try in 4 s (3 of 8)"
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert len(behaviour.asked) == 9


def test_the_server_may_say_how_long_to_wait(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [fail(429, Retry_After="17"), fail(503, Retry_After="Wed, 21 Oct 2015"), send()]
    pauses = Pauses()
    download([url], target, pause=pauses)
    assert pauses == [17, 2]


def test_a_server_that_always_breaks_at_the_same_byte_is_left(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(stop=1000, ranges=False)]
    with pytest.raises(UserError, match="1,000 of 102,400"):
        download([url], target, retries=3, pause=Pauses())
    assert len(behaviour.asked) == 4


def test_what_is_not_there_is_not_asked_for_again(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [fail(404)]
    with pytest.raises(UserError, match="404") as caught:
        download([url], target, pause=Pauses())
    assert len(behaviour.asked) == 1
    assert "--file" in str(caught.value)


def test_a_web_page_is_no_archive(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send(b"<html>confirm", kind="text/html; charset=utf-8")]
    with pytest.raises(UserError, match="a web page, not with the file"):
        download([url], target, pause=Pauses())
    assert not list(target.parent.iterdir())


def test_the_next_address_is_tried(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [fail(410), send()]
    assert download([url, url + "?second"], target, pause=Pauses()) == url + "?second"
    assert target.read_bytes() == CONTENT


def test_nobody_listens(target: Path) -> None:
    with pytest.raises(UserError, match=r"refused|Connection") as caught:
        download(["http://127.0.0.1:9/set.zip"], target, retries=1, pause=Pauses())
    assert "(2 tries)" in str(caught.value)


def test_an_interruption_leaves_the_part(server: tuple[str, Behaviour], target: Path) -> None:
    url, behaviour = server
    behaviour.plan = [send()]

    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download([url], target, report=stop, pause=Pauses())
    held = target.with_name("set.zip" + PART).stat().st_size
    assert 0 < held <= len(CONTENT)
    download([url], target, pause=Pauses())
    assert behaviour.asked[1]["Range"] == f"bytes={held}-"
    assert target.read_bytes() == CONTENT


def test_the_digest_is_sha256(target: Path) -> None:
    target.write_bytes(CONTENT)
    assert sha256(target) == hashlib.sha256(CONTENT).hexdigest()


def test_an_error_while_reading_is_tried_again(
    server: tuple[str, Behaviour], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of the network that are no ConnectionError, of the TLS layer too; those of writing are no reason to."""
    url, behaviour = server
    behaviour.plan = [send()]
    errors = [OSError(errno.EHOSTUNREACH, "No route to host"), ssl.SSLError("record layer failure")]
    real = http.client.HTTPResponse.read1

    def read1(self: http.client.HTTPResponse, count: int = -1) -> bytes:
        if errors:
            raise errors.pop(0)
        return real(self, count)

    monkeypatch.setattr(http.client.HTTPResponse, "read1", read1)
    told: list[str] = []
    download([url], target, tell=told.append, pause=Pauses())
    assert target.read_bytes() == CONTENT
    assert ["No route to host" in told[0], "record layer failure" in told[1]] == [True, True]

    def full(done: int, total: int | None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        download([url + "?again"], target, report=full, pause=Pauses())


def test_a_name_that_nobody_knows_is_asked_for_twice(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told: list[str] = []
    urls = ["http://one.invalid/set.zip", "http://two.invalid/set.zip"]
    with pytest.raises(UserError, match=r"\(2 tries\)"):
        download(urls, target, retries=5, tell=told.append, pause=Pauses())
    assert [line.split(":")[0] for line in told] == ["one.invalid", "http", "two.invalid"]
    assert told[1].endswith("now from two.invalid")
    with pytest.raises(UserError, match=r"\(1 try\)"):
        download(urls, target, retries=0, pause=Pauses())
