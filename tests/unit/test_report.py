"""The report is one file that fetches nothing, and no name breaks out of it."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from translate.config import Config, Data
from translate.metrics import Entry
from translate.report import charts
from translate.report import page as page_module
from translate.report.page import write

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
SCORES: dict[str, Any] = {
    "protocol": {"split": "test", "size": [8, 8], "n": {"a2b": 5, "b2a": 5}, "seed": 0, "left_out": {}},
    "metrics": {"a2b": {"l1": 12.3, "ssim": 0.4}, "b2a": {"l1": 70.0, "ssim": 0.6}},
    "baseline": {"a2b": {"l1": 61.5, "ssim": 0.5}, "b2a": {"l1": 61.5, "ssim": 0.5}},
    "findings": [],
}
LOG = [
    {"step": step, "seconds": step / 10, "images_per_second": 40.0, "loss/cycle/a": 1 / step, "loss/cycle/b": 2 / step}
    for step in range(1, 60)
]


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(
    tmp_path: Path, config: Config | None = None, rows: Any = None, scores: Any = SCORES, log: Any = LOG
) -> Elements:
    rows = {"a2b": [(IMAGE, IMAGE, IMAGE)] * 2, "b2a": [(IMAGE, IMAGE, None)]} if rows is None else rows
    path = tmp_path / "sub/report.html"
    write(path, tmp_path / "run", config or Config(data=Data(root="/data/faces")), scores, rows, log)
    elements = Elements()
    elements.feed(path.read_text(encoding="utf-8"))
    return elements


def test_nothing_is_fetched(tmp_path: Path) -> None:
    elements = page(tmp_path)
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"script", "link", "iframe", "object", "base"}
    for tag, attributes in elements.found:
        for key in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = attributes.get(key)
            assert value is None or value.startswith(("data:", "#")), (tag, key, value)
    html = (tmp_path / "sub/report.html").read_text(encoding="utf-8")
    assert "http" not in html
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))


def test_the_pictures_are_inside_and_unchanged(tmp_path: Path) -> None:
    pictures = [attributes["src"] or "" for tag, attributes in page(tmp_path).found if tag == "img"]
    assert len(pictures) == 2 * 3 + 2
    data = base64.b64decode(pictures[0].removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), IMAGE)


def test_the_headline_says_the_result_also_a_bad_one(tmp_path: Path) -> None:
    text = page(tmp_path).text
    assert "held-out L1 12.3 grey levels against 61.5 for doing nothing: the error is 0.20 of it" in text
    assert "worse than that: 1.14 of it" in text
    assert "59 steps in 6 s" in text


def test_names_are_escaped(tmp_path: Path) -> None:
    nasty = '<script>alert("x")</script>&.png'
    scores = {**SCORES, "protocol": {"split": nasty, "unreadable": [nasty]}}
    elements = page(tmp_path, Config(data=Data(root="/data/" + nasty.replace("/", ""))), scores=scores)
    assert "script" not in {tag for tag, _ in elements.found}
    assert elements.text.count(nasty) == 2


def test_samples_and_runs_without_scores_or_log(tmp_path: Path) -> None:
    elements = page(tmp_path, rows={"sample": [(None, IMAGE, None)] * 5}, scores={}, log=[])
    assert len([tag for tag, _ in elements.found if tag == "img"]) == 5
    assert "no score" in elements.text
    assert "svg" not in {tag for tag, _ in elements.found}


def test_a_new_metric_needs_no_more_than_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(page_module.TABLE, "mood", Entry("my.mood:mood", "Mood, smiles", "lower"))
    scores = {**SCORES, "metrics": {"a2b": {"mood": 2.5}}, "baseline": {"a2b": {"mood": 3.5}}}
    elements = page(tmp_path, scores=scores)
    assert "held-out Mood, smiles 2.50" in elements.text
    assert [attributes["class"] for tag, attributes in elements.found if tag == "td" and "class" in attributes] == [
        "better",
        "soft",
    ]
    assert re.search(r"Mood, smiles\s*2.50\s*3.50\s*lower", elements.text)


def test_the_page_says_which_images_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    rows = {"a2b": [(IMAGE, IMAGE, IMAGE)]}
    write(path, None, Config(), {}, rows, [], caption="Training images <not held out>.", unscored="No score.")
    html = path.read_text()
    assert "Training images &lt;not held out&gt;." in html
    assert "<p>No score.</p>" in html
    assert "over the held-out images" not in html


def test_one_chart_a_term_and_its_text_follows_the_page() -> None:
    log = [{**row, "loss/adversarial/discriminator/b": 1.0, "grad_norm/generator": 2.0} for row in LOG]
    found = charts.losses([*log, {"step": 60, "loss/cycle/a": float("nan")}])
    assert [chart.name for chart in found] == ["cycle", "adversarial, discriminator"]
    for chart in found:
        assert chart.svg.startswith("<svg")
        assert "currentColor" in chart.svg
        assert "#000000" not in chart.svg


@pytest.mark.parametrize("window", [1, 2, 5])
def test_smoothing_keeps_constants_and_length(window: int) -> None:
    assert charts.smoothed(np.full(9, 3.0), window) == pytest.approx(np.full(9, 3.0))
    assert charts.smoothed(np.arange(9.0), 3)[4] == pytest.approx(4.0)
