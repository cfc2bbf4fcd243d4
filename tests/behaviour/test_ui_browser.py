"""The page as somebody uses it: a server, a browser, real clicks; and what is left when it ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from browser import Browser, needed
from PIL import Image

from translate import build, checkpoint
from translate.config import validate
from translate.data import faces

pytest.importorskip("gradio")
pytestmark = [*needed, pytest.mark.slow]

FAST = {"name": "fast", "width": 8, "blocks": 1, "detail": 4}
BOTH: dict[str, Any] = {"data": {"size": [64, 64]}, "networks": {"generator": FAST}}
NOISE: dict[str, Any] = {
    "data": {"size": [64, 64]},
    "networks": {"latent": 4, "generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "dcgan"}},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}
SECONDS = 120


class Served:
    """`translate ui RUN ...` in a process of its own, with a folder for temporary files of its own."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.temporary = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "translate", "ui", *map(str, arguments), "--port", str(self.port), "--no-open"],
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ends = time.monotonic() + SECONDS
        while not self._answers():
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
            assert time.monotonic() < ends
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def status(self, path: str, host: str | None = None) -> int:
        """The status of a GET, addressed to `host`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request("GET", path, headers={"Host": host} if host else {})
            return connection.getresponse().status
        finally:
            connection.close()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code and all that was printed."""
        self.process.send_signal(number)
        printed, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, printed


def written(folder: Path, tree: dict[str, Any], data: Path) -> Path:
    config = validate({**tree, "data": {**tree["data"], "root": str(data)}}, "test")
    folder.mkdir()
    (folder / "config.yaml").write_text(config.to_yaml())
    for step, seed in ((5, 0), (9, 1)):
        torch.manual_seed(seed)
        checkpoint.save(folder, {"step": step, "generator_ema": build.generators(config).state_dict()}, keep=2)
    rows = (f'{{"step": {step}, "loss/cycle/b": {1 / step}, "images_per_second": 3}}\n' for step in range(1, 9))
    (folder / "log.jsonl").write_text("".join(rows))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ui") / "faces"
    faces.make(root, size=64, train=4, test=4)
    return root


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("browser"), offline=False)
    yield found
    found.close()


@pytest.fixture(scope="module")
def served(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("both")
    found = Served(
        tmp_path_factory.mktemp("temporary"),
        written(root / "run", BOTH, data),
        "--results",
        data / "testB",
        "--inputs",
        data / "testA",
        "--max-megapixels",
        "0.5",
    )
    yield found
    found.process.kill()
    found.process.communicate()


def opened(browser: Browser, served: Served, width: int = 1280, scheme: str = "light") -> None:
    browser.open(served.address, width, scheme)
    browser.until("!!document.querySelector('#facts, #image input[type=file], #draw')")


def tab(browser: Browser, name: str) -> None:
    browser.run(f"[...document.querySelectorAll('[role=tab]')].find(t => t.textContent.trim() === '{name}').click()")


def shown(browser: Browser, place: str = "#slider") -> str:
    """The address of the picture after the translation, once it is there."""
    browser.until(f"document.querySelectorAll('{place} img').length > 1")
    return str(browser.run(f"[...document.querySelectorAll('{place} img')].map(i => i.src).sort().join()"))


def translated(browser: Browser, image: Path) -> str:
    browser.upload("#image input[type=file]", image)
    return shown(browser)


def told(browser: Browser) -> str:
    """What the page complains about."""
    browser.until("!!document.querySelector('.toast-body')")
    return str(browser.run("[...document.querySelectorAll('.toast-body')].map(e => e.innerText).join()"))


def test_an_image_goes_in_and_comes_out_at_its_size_in_both_directions(
    browser: Browser, served: Served, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 4), np.uint8)
    image = tmp_path / "äöü 'x'.png"
    Image.fromarray(pixels).save(image)
    opened(browser, served)
    first = translated(browser, image)
    sizes = browser.until(
        "(all => all.every(size => size[0] > 0) && all)"
        "([...document.querySelectorAll('#slider img')].map(i => [i.naturalWidth, i.naturalHeight]))"
    )
    assert sizes == [[70, 50]] * len(sizes)
    files = downloaded(browser, tmp_path / "first")
    browser.run("[...document.querySelectorAll('#direction input')].find(i => !i.checked).click()")
    browser.run("document.querySelector('#translate').click()")
    browser.until(
        f"document.querySelectorAll('#slider img').length > 1 && "
        f"[...document.querySelectorAll('#slider img')].map(i => i.src).sort().join() !== '{first}'"
    )
    other = downloaded(browser, tmp_path / "other")
    alphas = []
    for path in (files, other):
        with Image.open(path) as found:
            assert (found.format, found.size, found.mode) == ("PNG", (70, 50), "RGBA")
            alphas.append(np.asarray(found)[:, :, 3])
    assert all(np.array_equal(alpha, pixels[:, :, 3]) for alpha in alphas)
    assert files.read_bytes() != other.read_bytes()


def downloaded(browser: Browser, folder: Path) -> Path:
    folder.mkdir()
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    browser.until("!document.querySelector('#download').disabled")
    browser.run("document.querySelector('#download').click()")
    ends = time.monotonic() + SECONDS
    while True:
        found = [path for path in folder.iterdir() if not path.name.endswith(".crdownload")]
        if found:
            return found[0]
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_part_fits_the_window_and_nothing_comes_from_elsewhere(
    browser: Browser, served: Served, data: Path, width: int, scheme: str, tmp_path: Path
) -> None:
    opened(browser, served, width, scheme)
    translated(browser, next((data / "testA").iterdir()))
    fits(browser, width, tmp_path / "translate.png")
    tab(browser, "Results")
    browser.until("document.querySelectorAll('#results img').length === 4")
    browser.run("document.querySelector('#results .grid-container button').click()")
    shown(browser, "#compared")
    fits(browser, width, tmp_path / "results.png")
    browser.run(
        "(field => {"
        "Object.getOwnPropertyDescriptor(field.constructor.prototype, 'value').set.call(field, 'nothing');"
        "field.dispatchEvent(new Event('input', {bubbles: true}));"
        "field.dispatchEvent(new KeyboardEvent('keypress', {key: 'Enter', bubbles: true}));"
        "})(document.querySelector('#filter textarea, #filter input'))"
    )
    browser.until("document.querySelectorAll('#results img').length === 0 && !document.querySelector('#compared img')")
    assert browser.run("document.querySelector('#back').disabled")
    tab(browser, "Training")
    browser.until("!!document.querySelector('#curves svg')")
    fits(browser, width, tmp_path / "training.png")
    asked = [event["params"]["request"]["url"] for event in browser.events if "request" in event["params"]]
    assert asked
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))} == {
        f"127.0.0.1:{served.port}"
    }
    wrong = [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert wrong == []


def fits(browser: Browser, width: int, picture: Path) -> None:
    time.sleep(0.3)  # what fades in
    assert browser.run("document.documentElement.scrollWidth") <= width
    picture.write_bytes(browser.picture())  # for a person to look at


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.png", b"no picture", "text file"),
        ("<img src=x onerror=document.title='taken'>.png", b"\x89PNG\r\n\x1a\nbroken", "damaged"),
        ("large.png", None, "megapixels"),
    ],
)
def test_a_bad_file_gives_a_sentence(
    browser: Browser, served: Served, data: Path, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is None:
        Image.new("RGB", (1000, 1000)).save(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    opened(browser, served)
    translated(browser, next((data / "testA").iterdir()))
    browser.upload("#image input[type=file]", tmp_path / name)
    text = told(browser)
    assert said in text
    assert "Traceback" not in text
    assert str(tmp_path) not in text
    assert browser.run("document.title") != "taken"
    assert browser.run("document.querySelector('#download').disabled")
    browser.until("!document.querySelector('#image img')")  # no broken frame, and the same is not asked for again
    browser.run("document.querySelector('#translate').click()")
    browser.until("[...document.querySelectorAll('.toast-body')].some(e => e.innerText.includes('Give an image'))")


def test_another_checkpoint_makes_another_image(browser: Browser, served: Served, data: Path) -> None:
    opened(browser, served)
    image = next((data / "testA").iterdir())
    first = translated(browser, image)
    browser.run("document.querySelector('#checkpoint input').focus()")
    browser.until("!!document.querySelector('[role=option][aria-selected=false]')")
    browser.run(
        "document.querySelector('[role=option][aria-selected=false]')"
        ".dispatchEvent(new MouseEvent('mousedown', {bubbles: true}))"
    )
    browser.run("document.querySelector('#translate').click()")
    browser.until(
        f"document.querySelectorAll('#slider img').length > 1 && "
        f"[...document.querySelectorAll('#slider img')].map(i => i.src).sort().join() !== '{first}'"
    )
    tab(browser, "Training")
    browser.until("document.querySelector('#facts').innerText.includes('step-00000005.pt')")


def test_only_this_machine_is_answered_and_no_file_outside_can_be_had(served: Served, data: Path) -> None:
    assert served.status("/") == 200
    assert served.status("/", host="evil.example") == 400
    inside = next((data / "testB").iterdir())
    for path in ("/etc/passwd", inside, Path.cwd() / "pyproject.toml"):
        assert served.status(f"/gradio_api/file={path}") in (403, 404)


def test_what_a_visitor_uploaded_is_gone_when_the_page_is_closed(browser: Browser, served: Served, data: Path) -> None:
    opened(browser, served)
    translated(browser, next((data / "testA").iterdir()))
    assert list(served.temporary.rglob("*.png"))
    browser.open("about:blank", 1280, "light")
    ends = time.monotonic() + SECONDS
    while left := list(served.temporary.rglob("*.png")):
        assert time.monotonic() < ends, left
        time.sleep(0.1)


def test_new_images_are_drawn_and_nothing_is_left_when_it_ends(
    browser: Browser, data: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    noise = Served(tmp_path_factory.mktemp("temporary"), written(tmp_path / "noise", NOISE, data))
    try:
        opened(browser, noise, 390, "dark")
        browser.run("document.querySelector('#draw').click()")
        browser.until("document.querySelectorAll('#drawn img').length === 16")
        browser.run("document.querySelector('#walk').click()")
        browser.until("document.querySelectorAll('#way img').length === 7 && !!document.querySelector('#here img')")
        fits(browser, 390, tmp_path / "draw.png")
        assert list(noise.temporary.rglob("*.png"))
    finally:
        code, printed = noise.end()
    assert code == 130, printed
    assert "Traceback" not in printed
    assert f":{noise.port}/" in printed
    assert list(noise.temporary.iterdir()) == []
