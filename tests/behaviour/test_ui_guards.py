"""Who the web page answers, and what it refuses: other names, addresses to fetch, weights that are old."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from translate import build, checkpoint
from translate.config import validate
from translate.ui import curves, serving
from translate.ui.guards import QUESTION, UPLOAD, Hosts
from translate.ui.models import Models
from translate.ui.scratch import Scratch
from translate.ui.wiring import Wiring

JOIN = "/gradio_api/queue/join"
FILE = {"meta": {"_type": "gradio.FileData"}}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """A page that answers with what it was sent."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


class Page:
    """The echo behind the guards of `hosts`."""

    def __init__(self, hosts: Hosts) -> None:
        pytest.importorskip("starlette")
        self.app: Any = echo
        for one in reversed(hosts.guards()):
            self.app = one.cls(self.app, *one.args, **one.kwargs)

    def ask(self, path: str, body: bytes | None = None, host: str = "127.0.0.1:7860") -> tuple[int, bytes, list[Any]]:
        """Status, body and headers of a GET, or of a POST of `body` in two parts."""
        half = len(body or b"") // 2
        parts = [(body or b"")[:half], (body or b"")[half:]]
        waiting = [{"type": "http.request", "body": part, "more_body": part is parts[0]} for part in parts]
        said: list[Any] = []

        async def receive() -> Any:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "method": "GET" if body is None else "POST",
            "path": path,
            "headers": [(b"host", host.encode())],
        }
        asyncio.run(self.app(scope, receive, send))
        return said[0]["status"], b"".join(part.get("body", b"") for part in said[1:]), said[0]["headers"]


@pytest.fixture
def page() -> Page:
    return Page(Hosts("127.0.0.1"))


@pytest.mark.parametrize(
    "data",
    [
        [{**FILE, "path": "http://example.com/x.png"}],
        [{**FILE, "path": "https://example.com/x.png", "is_stream": True}, "b"],
        {"image": {"value": [{"deep": {**FILE, "path": "http://169.254.169.254/"}}]}},
    ],
)
@pytest.mark.parametrize("path", [JOIN, "/gradio_api/run/predict", "/gradio_api/call/answer", f"{UPLOAD}/x"])
def test_nobody_makes_this_machine_fetch_an_address(page: Page, data: Any, path: str) -> None:
    plain = json.dumps({"data": data, "fn_index": 1})
    for body in (plain.encode(), plain.replace("http", "\\u0068ttp").encode(), plain.encode("utf-16")):
        assert page.ask(path, body)[0] == 403


@pytest.mark.parametrize("path", ["/gradio_api/file=http://example.com/x", "/gradio_api/file/https://example.com/x"])
def test_nor_by_the_name_of_a_file(page: Page, path: str) -> None:
    assert page.ask(path)[0] == 403


def test_what_the_page_itself_asks_passes_unchanged(page: Page) -> None:
    url = "http://127.0.0.1:7860/gradio_api/file=/tmp/translate-ui-x/a.png"  # which the browser sends along
    body = json.dumps({"data": [{**FILE, "path": "/tmp/translate-ui-x/a.png", "url": url}, "http://a"]}).encode()
    status, echoed, headers = page.ask(JOIN, body)
    assert (status, echoed) == (200, body)
    assert b"content-security-policy" in dict(headers)
    assert page.ask("/gradio_api/file=/tmp/translate-ui-x/a.png")[0] == 200
    picture = b"\x89PNG" * QUESTION
    assert page.ask(UPLOAD, picture)[:2] == (200, picture)


@pytest.mark.parametrize(
    ("body", "status"), [(b" " * (QUESTION + 1), 413), (b"a=1", 400), (b"[" * 100000, 400), (b"\xff\xfe\xfd", 400)]
)
def test_questions_that_are_none_are_refused(page: Page, body: bytes, status: int) -> None:
    assert page.ask(JOIN, body)[0] == status


class Blocks:
    """In the place of Gradio's, which keeps how it was launched."""

    def __init__(self, public: str | None = None) -> None:
        self.public, self.options = public, dict[str, Any]()

    def launch(self, **options: Any) -> tuple[None, str, str | None]:
        self.options = options
        self.page: Any = echo
        for one in reversed(options["app_kwargs"]["middleware"]):
            self.page = one.cls(self.page, *one.args, **one.kwargs)
        return None, f"http://localhost:{options['server_port']}/", self.public


@pytest.mark.parametrize(
    ("host", "share", "answered", "refused"),
    [
        ("127.0.0.1", False, ["127.0.0.1:7860", "localhost", "[::1]:7860"], ["evil.example", "x.gradio.live"]),
        ("127.0.0.2", False, ["127.0.0.2:7860", "localhost"], ["evil.example"]),
        ("::1", False, ["[::1]:7860"], ["evil.example"]),
        ("localhost", True, ["localhost:7860", "abc.gradio.live"], ["evil.example", "x.gradio.live"]),
        ("0.0.0.0", False, ["evil.example"], []),
    ],
)
def test_a_page_of_this_machine_is_answered_under_its_own_names_alone(
    host: str, share: bool, answered: list[str], refused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("starlette")
    monkeypatch.setattr(socket, "gethostname", lambda: "desk")  # where no way leads out
    blocks = Blocks("https://abc.gradio.live" if share else None)
    page = Page.__new__(Page)
    scratch = Scratch()
    address, public = serving.start(blocks, {}, scratch, host, 7860, share)
    scratch.close()
    page.app = blocks.page
    assert {name: page.ask("/", host=name)[0] for name in answered + refused} == {
        **dict.fromkeys(answered, 200),
        **dict.fromkeys(refused, 400),
    }
    assert public == blocks.public
    assert blocks.options["server_name"] == ("[::1]" if host == "::1" else host)
    assert ("localhost" in address) is (host != "0.0.0.0")  # which nobody else could open


def test_weights_are_loaded_anew_when_they_are_written_again(tmp_path: Path) -> None:
    tree: dict[str, Any] = {
        "data": {"size": [16, 16], "root": "photos"},
        "networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}},
    }
    config = validate(tree, "test")
    (tmp_path / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    states = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        weights = build.generators(config).state_dict()
        states.append({"step": 5 + seed, "generator_ema": weights, "monitor": {"split": "test", "watched": "swd"}})
    path = checkpoint.save_best(tmp_path, states[0])
    checkpoint.save(tmp_path, states[0], keep=2)
    models = Models(tmp_path, "cpu", "best")
    first = models.get("best.pt")
    assert models.get("best.pt") is first
    assert models.choices == [("best", "best.pt"), ("step 5 (last)", "step-00000005.pt")]
    before = path.stat()
    checkpoint.save_best(tmp_path, states[1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert models.get("best.pt").step == 6
    path.unlink()
    assert models.get().step == 6  # what is gone from the disk is shown on


def test_what_the_page_says_itself_is_no_fault_of_the_program() -> None:
    class Said(Exception):  # noqa: N818 - as Gradio calls its own
        def __init__(self, message: str, title: str = "Error", print_exception: bool = True) -> None:
            self.message, self.print_exception = message, print_exception

    def refuse(visitor: str) -> None:
        raise Said("Give an image first")

    scratch = Scratch()
    wiring = Wiring(SimpleNamespace(Error=Said, Request=object), scratch)  # type: ignore[arg-type]
    try:
        with pytest.raises(Said) as caught:
            wiring.asked(refuse)(SimpleNamespace(session_hash="a"))
        assert (caught.value.message, caught.value.print_exception) == ("Give an image first", False)
    finally:
        scratch.close()


def test_one_report_makes_no_curve_and_is_told(tmp_path: Path) -> None:
    assert "no report yet" in curves.curves(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 50, "loss/cycle/b": 1.0}\n', encoding="utf-8")
    assert "one report so far, and a curve needs two" in curves.curves(tmp_path)
