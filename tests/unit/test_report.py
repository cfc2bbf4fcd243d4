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
from translate.metrics import TABLE, Entry
from translate.report import charts
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


def test_samples_stand_beside_training_images_without_a_verdict(tmp_path: Path) -> None:
    scores = {
        "protocol": {"n": {"sample": 25, "real": 25, "baseline": 25}},
        "metrics": {"sample": {"swd": 30.0, "swd_64": 31.0}},
        "baseline": {"sample": {"swd": 10.0, "swd_64": 11.0}},
        "findings": [],
    }
    elements = page(tmp_path, rows={"sample": [(None, IMAGE, None)] * 2}, scores=scores)
    assert "held-out SWD × 10³ 30.00 against 10.00 for training images in their place" in elements.text
    assert re.search(r"SWD × 10³ at 64 px\s*31.00\s*11.00\s*lower", elements.text)
    assert "do nothing" not in elements.text
    classes = [attributes.get("class") for tag, attributes in elements.found if tag in ("td", "li")]
    assert not {"better", "worse"} & set(classes)


def test_samples_of_one_input_are_columns_and_their_diversity_is_told(tmp_path: Path) -> None:
    rows = {"a2b": [(IMAGE, *[IMAGE] * 4, IMAGE)] * 2}
    diversity = {"a2b": {"same_input": 7.5, "best_of": 11.25}, "b2a": {"same_input": 8.5}}
    elements = page(tmp_path, rows=rows, scores={**SCORES, "diversity": diversity})
    assert len([tag for tag, _ in elements.found if tag == "img"]) == 12
    assert re.search(r"input A\s*sample 1\s*sample 2\s*sample 3\s*sample 4\s*truth B", elements.text)
    assert re.search(r"two samples of one input\s*7.50\s*8.50", elements.text)
    assert re.search(r"nearest to the truth\s*11.25\s*–", elements.text)
    assert "one latent" not in elements.text


def test_a_new_metric_needs_no_more_than_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "mood", Entry("my.mood:mood", "Mood, smiles", "lower"))
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
