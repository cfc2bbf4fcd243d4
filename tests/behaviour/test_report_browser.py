"""The report in a real browser: offline, at the width of a phone and of a desk, in light and in dark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from browser import Browser, needed
from click.testing import CliRunner

from translate import build, checkpoint
from translate.cli import main
from translate.config import validate
from translate.data import crossroads, faces
from translate.report import commands

pytestmark = needed


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("browser"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of untrained runs: both ways, one input with many outputs of several frames, from noise, and compared."""
    root = tmp_path_factory.mktemp("pages")
    faces.make(root / "faces", size=64, train=12, test=12)
    crossroads.make(root / "crossroads", size=32, train=12, test=12)
    found = {
        "both ways": written(root / "both", BOTH, root / "faces"),
        "many outputs": written(root / "many", MANY, root / "crossroads"),
        "from noise": written(root / "noise", NOISE, root / "faces"),
    }
    reports = {name: root / f"{name}.html" for name in (*found, "compared")}
    other = written(root / "other", {**BOTH, "training": {"seed": 1}}, root / "faces")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(commands, "RESAMPLES", 2)  # how wide the intervals are makes no page wider
        for name, run in found.items():
            call("report", run, "--device", "cpu", "--out", reports[name])
        call("report", found["both ways"], other, "--device", "cpu", "--out", reports["compared"])
    return reports


BOTH = {"data": {"size": [64, 64]}, "networks": {"generator": {"name": "fast", "width": 8, "blocks": 1, "detail": 4}}}
MANY = {
    "data": {"size": [32, 32], "frames": {"a": 4, "b": 1}},
    "networks": {**BOTH["networks"], "latent": {"dimension": 4, "enter": "maps"}},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}
NOISE = {
    "data": {"size": [64, 64]},
    "networks": {"latent": 4, "generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "dcgan"}},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}


def written(folder: Path, tree: dict[str, Any], data: Path) -> Path:
    """A run folder as training leaves it, with untrained weights and a log that has everything in it."""
    config = validate({**tree, "data": {**tree["data"], "root": str(data)}}, "test")
    folder.mkdir()
    (folder / "config.yaml").write_text(config.to_yaml())
    torch.manual_seed(config.training.seed)
    checkpoint.save(folder, {"step": 5000, "generator_ema": build.generators(config).state_dict()}, keep=1)
    rows: list[dict[str, float]] = []
    for step in range(50, 5001, 50):
        wave = 1 + 0.1 * (step // 50 % 7)
        row = {f"{name}/{side}": wave / (1 + step / 1000) for name in ("loss/cycle", "loss/identity") for side in "ab"}
        row |= {"separation/a": 0.5 + 0.04 * wave, "separation/b": 0.6 + 0.1 * wave}
        row |= {"grad_norm/generator": wave, "grad_norm/discriminator": 0.3 * wave}
        row |= {"score/a2b/ssim": 0.5 + step / 20000} if step % 1000 == 0 else {}
        rows.append({"step": step, "seconds": step / 10, "images_per_second": 10.0, **row})
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def call(*arguments: object) -> None:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", ["both ways", "many outputs", "from noise", "compared"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window_and_all_it_shows_is_in_the_file(
    browser: Browser, pages: dict[str, Path], name: str, width: int, tmp_path: Path
) -> None:
    paper = {}
    for scheme in ("light", "dark"):
        browser.open(pages[name], width, scheme)
        assert browser.run("document.documentElement.scrollWidth") <= width
        # What is wider than the window scrolls inside a box of its own, and only tables and code may.
        spill = browser.run(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1"
            " && !e.closest('.scroll, pre')).map(e => e.outerHTML.slice(0, 200))"
        )
        assert spill == []
        broken = browser.run(
            "Promise.all([...document.images].map(i => i.decode().then(() => i.clientWidth > 8 ? '' : 'tiny ' + i.alt,"
            " () => 'broken ' + i.alt))).then(all => all.filter(Boolean))"
        )
        assert broken == []
        assert browser.run("document.images.length") > 20
        drawn = browser.run("[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().height > 50)")
        assert drawn
        paper[scheme] = browser.run("getComputedStyle(document.body).backgroundColor")
        ink = browser.run("getComputedStyle(document.querySelector('svg text') ?? document.body).fill")
        assert contrast(paper[scheme], ink) > 4.5 or browser.run("document.querySelector('svg text') === null")
        (tmp_path / f"{name}-{width}-{scheme}.png").write_bytes(browser.picture())  # for a person to look at
    assert contrast(paper["light"], paper["dark"]) > 10
    asked = [event["params"]["request"]["url"] for event in browser.events if "request" in event["params"]]
    assert all(url.startswith(("file:", "data:")) for url in asked), asked
    wrong = [e for e in browser.events if e["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert wrong == []


def test_a_click_shows_a_picture_large_and_the_arrow_keys_its_neighbours(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["both ways"], 390, "dark")
    browser.run("document.querySelector('.grid img').click()")
    assert browser.run("document.querySelector('dialog').open")
    assert browser.run("document.querySelector('dialog img').clientWidth") > 300
    first = browser.run("document.querySelector('dialog img').alt")
    assert first.startswith("input A")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    assert browser.run("document.querySelector('dialog img').alt").startswith("output B")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)
    assert not browser.run("document.querySelector('dialog').open")


def test_without_scripts_everything_is_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(pages["both ways"], 1280, "light")
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("document.querySelector('[role=button]')") is None
    assert browser.run("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def contrast(one: str, two: str) -> float:
    """The contrast ratio of two CSS colours, from 1 to 21 (WCAG 2.1)."""

    def luminance(colour: str) -> float:
        values = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)
