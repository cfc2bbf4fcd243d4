"""The report is one file that fetches nothing, says what is true in plain words, and no name breaks out of it."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import Tensor, nn

from translate import build, checkpoint
from translate.cli import main
from translate.config import Config, Data, validate
from translate.data import layouts
from translate.domain import Domain
from translate.errors import UserError
from translate.evaluation.examples import examples, scored, untouched
from translate.evaluation.result import Evaluation, Scored
from translate.inference.model import Model
from translate.metrics import TABLE, Entry
from translate.metrics.l1 import l1
from translate.report import charts, comparable, compare, files, findings, novelty, pictures, single, tables, words
from translate.report.grids import of_rows
from translate.report.page import Report, Section, write

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (8, 8, 3), np.uint8)
SCORES: dict[str, Any] = {
    "protocol": {
        "split": "test",
        "size": [8, 8],
        "n": {"a2b": 5, "b2a": 5},
        "seed": 0,
        "left_out": {"fid": "no weights"},
    },
    "metrics": {"a2b": {"l1": 12.3, "ssim": 0.4, "swd": 20.0}, "b2a": {"l1": 70.0, "ssim": 0.3, "swd": 50.0}},
    "baseline": {"a2b": {"l1": 61.5, "ssim": 0.35, "swd": 60.0}, "b2a": {"l1": 61.5, "ssim": 0.5, "swd": 40.0}},
    "reference": {"a2b": {"swd": 10.0}},
    "intervals": {"a2b": {"l1": [11.5, 13.25]}},
    "headline": {"a2b": "ssim", "b2a": "ssim"},
    "warnings": ["few images"],
    "findings": [],
}
LOG = [
    {"step": step, "seconds": step / 10, "images_per_second": 40.0, "loss/cycle/a": 1 / step, "loss/cycle/b": 2 / step}
    for step in range(1, 60)
]


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.hidden = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def page(tmp_path: Path, **about: Any) -> Elements:
    path = tmp_path / "sub/report.html"
    about = {"config": Config(data=Data(root="/data/faces")), "scores": SCORES, "log": LOG, **about}
    write(path, Report(run=tmp_path / "run", **about))
    return Elements(path.read_text(encoding="utf-8"))


def decoded(source: str | None) -> np.ndarray[Any, Any]:
    data = base64.b64decode((source or "").partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


# --- one file


def test_nothing_is_fetched(tmp_path: Path) -> None:
    rows = [example()] * 3
    elements = page(tmp_path, sections=[Section("A → B", [of_rows("Even", "", rows, "a2b", lambda row: row.name)])])
    assert not {tag for tag, _ in elements.found} & {"link", "iframe", "object", "base"}
    assert elements.of("script") == [{}]
    for tag, attributes in elements.found:
        for key in ("src", "href", "xlink:href", "srcset", "action", "data"):
            value = attributes.get(key)
            assert value is None or value.startswith(("data:", "#")), (tag, key, value)
    html = (tmp_path / "sub/report.html").read_text(encoding="utf-8")
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))
    policies = [attributes["content"] for attributes in elements.of("meta") if "http-equiv" in attributes]
    assert policies
    assert "default-src 'none'" in str(policies[0])
    assert all(attributes["alt"] for attributes in elements.of("img"))


def test_links_within_the_page_lead_somewhere(tmp_path: Path) -> None:
    elements = page(tmp_path, sections=[])
    places = {attributes["id"] for _, attributes in elements.found if "id" in attributes}
    assert {str(attributes["href"]).removeprefix("#") for attributes in elements.of("a")} <= places


def test_names_are_escaped(tmp_path: Path) -> None:
    nasty = '<script>alert("x")</script>&.png'
    found = {"name": nasty, "severity": "error", "message": nasty, "try": nasty, "evidence": {nasty: nasty}}
    scores = {**SCORES, "protocol": {"split": nasty, "unreadable": [nasty]}, "findings": [found]}
    row = example(name=nasty)
    elements = page(
        tmp_path,
        config=Config(data=Data(root="/data/" + nasty.replace("/", ""))),
        scores=scores,
        sections=[Section(nasty, [of_rows(nasty, nasty, [row], "a2b", lambda row: row.name)])] * 2,
    )
    assert elements.of("script") == [{}]
    assert elements.text.count("alert") >= 8
    assert any(attributes.get("alt") == f"input A, {nasty}" for attributes in elements.of("img"))


def test_a_file_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "sub/report.html"
    page(tmp_path)
    page(tmp_path)  # ours
    path.write_text("<!doctype html><p>my notes</p>")
    with pytest.raises(UserError, match="no report that this program wrote"):
        page(tmp_path)
    assert path.read_text() == "<!doctype html><p>my notes</p>"
    with pytest.raises(UserError, match="folder"):
        files.require_ours(tmp_path)


# --- words


@pytest.mark.parametrize(
    ("ours", "nothing", "says"),
    [
        (12.3, 61.5, "80% less error than doing nothing"),
        (70.0, 61.5, "14% more error than doing nothing"),
        (667.3, 61.5, "10.9 times the error of doing nothing"),
        (61.5, 61.5, "the same error"),
        (1.0, 0.0, "more error than doing nothing"),
    ],
)
def test_errors_are_compared_in_plain_words(ours: float, nothing: float, says: str) -> None:
    scores = {"metrics": {"a2b": {"l1": ours}}, "baseline": {"a2b": {"l1": nothing}}}
    (verdict,) = words.verdicts(scores, [])
    assert f"{ours:.1f} grey levels off the truth" in verdict.text
    assert verdict.text.endswith(says)
    assert verdict.mood == ("good" if ours < nothing else "bad" if ours > nothing else "open")


def test_a_verdict_needs_a_difference_that_the_images_can_tell() -> None:
    scores = {"metrics": {"a2b": {"ssim": 0.51}}, "baseline": {"a2b": {"ssim": 0.5}}}
    gains = np.linspace(-0.1, 0.12, 30)
    unsure = [Scored("a2b", i, "x.png", {"ssim": 0.5 + gain}, {"ssim": 0.5}) for i, gain in enumerate(gains)]
    assert words.verdicts(scores, unsure)[0].lead == "no different from doing nothing, as far as 30 images can tell"
    sure = [Scored("a2b", i, "x.png", {"ssim": 0.51 + i * 1e-4}, {"ssim": 0.5}) for i in range(30)]
    assert words.verdicts(scores, sure)[0].mood == "good"  # higher is better
    worse = [Scored("a2b", i, "x.png", {"ssim": 0.4}, {"ssim": 0.5}) for i in range(30)]
    scores["metrics"]["a2b"]["ssim"] = 0.4
    assert words.verdicts(scores, worse)[0].mood == "bad"


def test_metrics_that_do_not_agree_are_both_named() -> None:
    scores = {
        "metrics": {"a2b": {"l1": 60.0, "ssim": -0.1}},
        "baseline": {"a2b": {"l1": 99.0, "ssim": 0.0}},
        "headline": {"a2b": "ssim"},
    }
    (verdict,) = words.verdicts(scores, [])
    assert verdict.lead == "SSIM worse than doing nothing, L1 better"
    assert verdict.mood == "open"
    assert "39% less error" in verdict.text
    assert "SSIM −0.100, against 0.000" in verdict.text


def test_without_pairs_sets_are_judged_and_no_more_is_claimed() -> None:
    scores: dict[str, Any] = {
        "metrics": {"a2b": {"swd": 20.0}, "b2a": {"swd": 70.0}},
        "baseline": {"a2b": {"swd": 60.0}, "b2a": {"swd": 60.0}},
        "reference": {"a2b": {"swd": 10.0}, "b2a": {"swd": 10.0}},
    }
    near, far = words.verdicts(scores, [])
    assert near.text.endswith("for the eye to judge")
    assert (near.mood, far.mood) == ("good", "bad")
    assert "%" not in near.text
    assert far.lead == "further from real images than doing nothing"
    scores["metrics"]["a2b"]["swd"] = 9.0
    scores["intervals"] = {"b2a": {"swd": [55.0, 85.0]}}
    near, far = words.verdicts(scores, [])
    assert far.lead == "no nearer to real images than doing nothing, as far as can be told"
    assert far.mood == "open"


def test_a_log_that_ends_with_a_score_tells_how_long_it_took() -> None:
    rows = [{"step": 50, "seconds": 120.0}, {"step": 60, "score/a2b/l1": 3.0}]
    assert "for 60 steps of 1 images in 2.0 min" in words.trained(Config(), rows, None, None, 60)
    assert " in " not in words.trained(Config(), rows[1:], None, None, 60).partition("Generator")[0]


def test_samples_stand_beside_training_images(tmp_path: Path) -> None:
    scores = {
        "protocol": {"n": {"sample": 25, "real": 25}},
        "metrics": {"sample": {"swd": 30.0, "swd_64": 31.0}},
        "baseline": {"sample": {"swd": 10.0, "swd_64": 11.0}},
        "findings": [],
    }
    elements = page(tmp_path, scores=scores)
    assert "3.0 times as far from held-out images as real ones are" in elements.text
    assert "30.00 against 10.00 for training images in their place" in elements.text
    assert re.search(r"at 64 px\s*↓\s*31.00\s*11.00", elements.text)
    assert "do nothing" not in elements.text
    classes = {attributes.get("class") for tag, attributes in elements.found if tag in ("td", "li")}
    assert not {"better", "worse", "good", "bad"} & classes


def test_what_was_trained_on_what(paired: Path) -> None:
    dataset, config = layouts.find(paired), Config(data=Data(root=str(paired)))
    text = words.trained(config, LOG, dataset, 2_140_000, 61)
    assert text.startswith("Trained on paired, with pairs (8 pairs), for 61 steps of 1 images in 6 s")
    assert "2.1 million weights" in text
    assert "Objective: adversarial + cycle." in text
    assert words.trained(config, [], None, None, None).startswith("Trained on paired. Generator")


# --- scores and findings


def test_the_table_holds_interval_baseline_and_reference(tmp_path: Path) -> None:
    table, other = tables.scores(SCORES)
    lines = {line.label: line for line in table.lines}
    assert table.heads == ["do nothing", "training images"]
    assert other.heads == ["do nothing"]
    assert lines["L1, grey levels"].interval == "11.50 to 13.25"
    assert lines["L1, grey levels"].beside == ["61.50", "–"]
    assert lines["SSIM"].arrow == "↑"
    assert [line.verdict for line in table.lines] == ["better"] * 3
    assert [line.verdict for line in other.lines] == ["worse"] * 3
    elements = page(tmp_path)
    assert re.search(r"L1, grey levels\s*↓\s*12.30\s*11.50 to 13.25\s*61.50", elements.text)
    assert "Mind: few images" in elements.text
    assert "fid: no weights" in elements.text


def test_what_can_not_be_told_apart_has_no_colour() -> None:
    scores = {
        "metrics": {"a2b": {"l1": 60.5, "swd": 20.0}},
        "baseline": {"a2b": {"l1": 61.5, "swd": 21.0}},
        "intervals": {"a2b": {"swd": [18.0, 22.0]}},
    }
    spread = np.linspace(-20, 20, 30)
    images = [Scored("a2b", i, "x.png", {"l1": 60.5 + v}, {"l1": 61.5}) for i, v in enumerate(spread)]
    (table,) = tables.scores(scores, images)
    assert [line.verdict for line in table.lines] == ["same", "same"]
    alike = [Scored("a2b", i, "x.png", {"l1": 60.5 + v}, {"l1": 61.5 + v}) for i, v in enumerate(spread)]
    assert tables.scores(scores, alike)[0].lines[0].verdict == "better"  # image by image it is sure


def test_a_new_metric_needs_no_more_than_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "mood", Entry("my.mood:mood", "Mood, smiles", "lower"))
    scores = {"metrics": {"a2b": {"mood": 2.5}}, "baseline": {"a2b": {"mood": 3.5}}, "findings": []}
    elements = page(tmp_path, scores=scores)
    assert "Mood, smiles 2.50, against 3.50 for the untouched input" in elements.text
    assert re.search(r"Mood, smiles\s*↓\s*2.50\s*3.50", elements.text)
    assert [attributes["class"] for attributes in elements.of("td") if "class" in attributes] == ["better"]


def test_errors_come_first_with_what_to_try_and_the_evidence_folded(tmp_path: Path) -> None:
    found = [
        {"name": "checkerboard", "severity": "warning", "direction": "b2a", "message": "a pattern", "evidence": {}},
        {"name": "mode_collapse", "severity": "error", "direction": None, "message": "all alike",
         "try": "more `data.<root>`", "evidence": {"distance": 0.12345, "images": 1200}},
    ]  # fmt: skip
    elements = page(tmp_path, scores={**SCORES, "findings": found})
    shown = " ".join(elements.text.split())
    assert shown.index("all alike") < shown.index("a pattern")
    assert "Mode collapse: all alike Try: more data.<root> Evidence distance 0.123 images 1,200" in shown
    assert "Checkerboard (B → A): a pattern" in shown
    assert len(elements.of("details")) == 3  # evidence, protocol, configuration


def test_no_finding_is_said_only_where_something_was_checked(tmp_path: Path) -> None:
    from translate.diagnosis import TABLE as KINDS

    assert f"None of the {len(KINDS)} checks" in page(tmp_path).text
    elements = page(tmp_path, scores={}, unscored="Why <not>.")
    assert "checks" not in elements.text
    assert "Why <not>." in elements.text


def test_without_an_evaluation_the_log_still_speaks() -> None:
    log = [{"step": step, "seconds": 1.0, "loss/cycle/a": float("nan")} for step in range(1, 200)]
    assert [found.name for found in findings.ordered({}, log)] == ["Not a number"]
    assert findings.ordered({"findings": []}, log) == []  # an evaluation has read it already


# --- pictures


def example(name: str = "0.png", truth: bool = True) -> Any:
    from translate.evaluation.examples import Row

    return Row(0, name, IMAGE, (IMAGE,), IMAGE if truth else None)


@pytest.mark.parametrize("channels", [1, 3])
def test_small_pictures_are_kept_exactly(channels: int) -> None:
    pixels = RANDOM.integers(0, 256, (32, 48, channels), np.uint8)
    (attributes,) = Elements(pictures.picture(pixels, "x")).of("img")
    assert (attributes["width"], attributes["height"]) == ("48", "32")
    np.testing.assert_array_equal(decoded(attributes["src"]), np.broadcast_to(pixels, (32, 48, 3)))


def test_large_pictures_are_much_smaller_and_nearly_the_same() -> None:
    ramp = np.linspace(0, 255, 256)
    smooth = np.stack([ramp[:, None] + 0 * ramp, 0 * ramp[:, None] + ramp, (ramp[:, None] + ramp) / 2], axis=2)
    noisy = np.clip(smooth + RANDOM.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)
    (attributes,) = Elements(pictures.picture(noisy, "x")).of("img")
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "PNG", optimize=True)
    assert len(str(attributes["src"])) < len(buffer.getvalue()) / 4
    assert np.abs(decoded(attributes["src"]).astype(float) - noisy).mean() < 4


def test_error_maps_have_one_scale_and_grow_brighter_with_the_error() -> None:
    truth = np.full((1, 5, 3), 50, np.uint8)
    output = truth.copy()
    output[0, 1:, 0] += np.array([30, 96, 150, 205], np.uint8)  # in one channel of three
    np.testing.assert_array_equal(
        pictures.error(output, truth)[0], np.round(np.array([0, 10, 32, 50, 205 / 3]) / 128 * 255)
    )
    far = np.full((2, 2, 1), 255, np.uint8)
    assert pictures.error(far, np.zeros_like(far)).tolist() == [[255, 255], [255, 255]]
    (attributes,) = Elements(pictures.legend()).of("img")
    luma = decoded(attributes["src"])[0] @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(luma) > -0.5).all()
    assert luma[-1] - luma[0] > 200


def test_rows_show_errors_only_where_all_truths_are_known() -> None:
    grid = of_rows("", "", [example()], "a2b", lambda row: row.name)
    assert [column.head for column in grid.columns] == ["input A", "output B", "truth B", "error"]
    grid = of_rows("", "", [example(), example(truth=False)], "b2a", lambda row: row.name)
    assert [column.head for column in grid.columns] == ["input B", "output A"]


class Turned(nn.Module):
    """Grey levels upside down: its own inverse, and not the identity."""

    def forward(self, x: Tensor) -> Tensor:
        return -x


class Noisy(nn.Module):
    """The image with its latent as a shift of the colours."""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return (x + 0.2 * z[:, :3, None, None]).clamp(-1, 1)


def turned(root: Path, produce: tuple[str, ...] = ("b", "a")) -> Model:
    config = validate({"data": {"size": [16, 16], "root": str(root)}, "produce": list(produce)}, "test")
    generators = nn.ModuleDict({name: Turned() for name in produce})
    return Model(config, generators, checkpoint="x.pt", step=7)


def stochastic(root: Path) -> Model:
    networks = {"generator": {"name": "fast"}, "latent": {"dimension": 3, "enter": "maps"}}
    config = validate({"data": {"size": [16, 16], "root": str(root)}, "networks": networks, "produce": ["b"]}, "test")
    return Model(config, nn.ModuleDict({"b": Noisy()}), checkpoint="x.pt", step=7)


def test_there_and_back_and_left_alone(paired: Path) -> None:
    dataset, model = layouts.find(paired), turned(paired)
    rows = examples(model, dataset, count=3)
    assert list(rows) == ["a2b", "b2a"]
    for row in rows["a2b"] + rows["b2a"]:
        np.testing.assert_array_equal(row.outputs[0], 255 - row.given)
        np.testing.assert_array_equal(row.back, row.given)
        assert row.truth is not None
    assert [row.back for row in examples(turned(paired, ("b",)), dataset)["a2b"]] == [None] * 4
    alone = untouched(model, dataset, count=2)["a2b"]
    np.testing.assert_array_equal(alone[0].outputs[0], 255 - alone[0].given)
    truths = [row.truth for row in examples(model, dataset)["a2b"]]
    assert any(np.array_equal(alone[0].given, truth) for truth in truths)  # of B, which A to B makes
    assert untouched(stochastic(paired), dataset) == {}


@pytest.mark.parametrize("make", [turned, stochastic])
def test_the_worst_and_best_rows_show_the_outputs_that_were_scored(paired: Path, make: Any) -> None:
    from translate.evaluation import evaluate

    dataset, model = layouts.find(paired), make(paired)
    images = {i.index: i for i in evaluate(model, dataset, names=["l1"], seed=3).images if i.direction == "a2b"}
    rows = scored(model, dataset, "test", {"a2b": [2, 0]}, seed=3)["a2b"]
    assert [row.index for row in rows] == [2, 0]
    for row in rows:
        assert row.truth is not None
        assert row.name == images[row.index].name
        assert l1(row.outputs[0], row.truth) == pytest.approx(images[row.index].values["l1"], abs=1e-9)


def test_worst_and_best_follow_the_headline_and_are_named(paired: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(single, "ROWS", 2)
    monkeypatch.setattr(single, "EXTREMES", 1)
    names = [row.name for row in examples(turned(paired), layouts.find(paired))["a2b"]]
    values = [0.3, 0.1, 0.9, 0.5]
    images = [Scored("a2b", i, n, {"l1": v, "ssim": v}, {}) for i, (n, v) in enumerate(zip(names, values, strict=True))]
    scores = {**SCORES, "protocol": {"seed": 0}, "metrics": {"a2b": {"l1": 1.0, "ssim": 0.4}}, "baseline": {}}
    for headline, worst, best in (("ssim", 1, 2), ("l1", 2, 1)):
        chosen = {**scores, "headline": {"a2b": headline}}
        out = tmp_path / "r.html"
        single.write(out, tmp_path, turned(paired), layouts.find(paired), "test", Evaluation(chosen, images))
        text = " ".join(Elements(out.read_text()).text.split())
        first = text.partition(f"The worst of 4 by {words.label(headline)}.")[2]
        assert f"{values[worst]:.3f} · {names[worst]}" in first[: first.index("Best")]
        assert f"{values[best]:.3f} · {names[best]}" in first[first.index("Best") :]


def test_samples_of_one_input_are_columns_and_their_diversity_is_told(paired: Path, tmp_path: Path) -> None:
    scores = {**SCORES, "diversity": {"a2b": {"same_input": 7.5, "best_of": 11.25}, "b2a": {"same_input": 8.5}}}
    out = tmp_path / "r.html"
    single.write(out, tmp_path, stochastic(paired), layouts.find(paired), "test", Evaluation(scores, []))
    elements = Elements(out.read_text())
    assert re.search(r"input A\s*sample 1\s*sample 2\s*sample 3\s*sample 4\s*truth B\s*error of 1", elements.text)
    assert re.search(r"two samples of one input\s*7.50\s*8.50", elements.text)
    assert re.search(r"nearest to the truth\s*11.25\s*–", elements.text)


PRIOR = {
    "data": {"size": [16, 16]},
    "networks": {"latent": 4, "generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "dcgan"}},
    "produce": ["b"],
    "objective": {"adversarial": {}},
}


def test_a_copied_training_image_is_shown_first_beside_its_original(paired: Path) -> None:
    dataset, model = layouts.find(paired), untrained(PRIOR, paired)
    real = novelty.held_out(model, dataset, "test")
    copied = real[0].pixels
    training = layouts.find(paired).split("train").of(Domain.B)[5]
    original = np.asarray(Image.open(training.path).convert("RGB"))
    noise = RANDOM.integers(0, 256, (4, 16, 16, 3), np.uint8)
    drawn = [*map(novelty.Shown, noise), novelty.Shown(original), novelty.Shown(copied)]
    found = novelty.neighbours(model, dataset, drawn, real)
    assert found is not None
    ours, theirs, distance = found.rows[0]
    assert distance == 0
    np.testing.assert_array_equal(ours, original)
    np.testing.assert_array_equal(theirs, original)
    assert [distance for *_, distance in found.rows] == sorted(distance for *_, distance in found.rows)
    assert found.real is not None
    assert found.real > 0
    assert (found.searched, found.known) == (8, 8)


def test_samples_stand_beside_held_out_images_with_their_classes(zoo: Path, tmp_path: Path) -> None:
    root = tmp_path / "zoo"
    for split in ("train", "test"):
        for name in ("clay", "comic"):
            shutil.copytree(zoo / name, root / split / name)
    networks = {**PRIOR["networks"], "classes": ["clay", "comic"], "generator": {"name": "biggan", "width": 4},
                "discriminator": {"name": "biggan", "width": 4}}  # fmt: skip
    model = untrained({**PRIOR, "networks": networks}, root)
    dataset = layouts.find(root)
    drawn = novelty.samples(model)
    assert [shown.label for shown in drawn] == ["clay"] * 18 + ["comic"] * 18
    assert [shown.label for shown in novelty.held_out(model, dataset, "test")] == ["clay"] * 8 + ["comic"] * 8
    out = tmp_path / "r.html"
    single.write(out, tmp_path, model, dataset, "test")
    elements = Elements(out.read_text())
    assert len(elements.of("img")) == 36 + 16 + 2 * novelty.NEAREST
    assert elements.text.count("comic") >= 26
    assert "Held-out images" in elements.text
    assert "8 of" not in elements.text  # all training images were looked through


# --- curves


def test_losses_gradients_separation_and_scores_have_their_charts() -> None:
    more = {
        "grad_norm/generator": 2.0,
        "grad_norm/discriminator": 0.5,
        "separation/b": 0.75,
        "learning_rate/generator": 1,
    }
    scores = {"score/a2b/ssim": 0.5, "score/b2a/ssim": 0.25, "loss/adversarial/discriminator/b": 1.0}
    log = [{**row, **more, **(scores if row["step"] % 20 == 0 else {})} for row in LOG]
    found = {group.title: group.charts for group in charts.groups([*log, {"step": 60, "loss/cycle/a": float("nan")}])}
    assert [chart.name for chart in found["Losses"]] == ["cycle", "adversarial, discriminator"]
    assert [chart.name for chart in found["Held-out scores"]] == ["SSIM"]
    assert [name for name, _ in found["Held-out scores"][0].legend] == ["A → B", "B → A"]
    assert [name for name, _ in found["Gradient norms"][0].legend] == ["generators", "discriminators"]
    assert [chart.name for chart in found["Rates"]] == ["images a second", "learning rate"]
    assert found["Separation"][0].legend == []  # one line needs no legend
    for chart in [chart for group in found.values() for chart in group]:
        assert chart.svg.startswith("<svg")
        assert "currentColor" in chart.svg
        assert "#000000" not in chart.svg
    assert charts.groups([]) == []
    assert charts.groups(LOG[:1]) == []


def test_curves_of_runs_are_laid_over_one_another() -> None:
    other = [{"step": row["step"], "loss/cycle/a": 3.0} for row in LOG]
    (chart,) = charts.overlaid({"one": LOG, "two": other})
    assert chart.name == "cycle, a"
    assert [name for name, _ in chart.legend] == ["one", "two"]


@pytest.mark.parametrize("window", [1, 2, 5])
def test_smoothing_keeps_constants_and_length(window: int) -> None:
    assert charts.smoothed(np.full(9, 3.0), window) == pytest.approx(np.full(9, 3.0))
    assert charts.smoothed(np.arange(9.0), 3)[4] == pytest.approx(4.0)


# --- the same again


def test_commands_are_quoted_and_say_what_was_asked_for(tmp_path: Path) -> None:
    elements = page(tmp_path, config=Config(data=Data(root="/my data")), data=Path("/else where"), checkpoint="best")
    run = tmp_path / "run"
    assert f"translate train {run / 'config.yaml'} --data '/my data' --out {run}-again" in elements.text
    assert "--data '/else where' --checkpoint best --split test --seed 0 --bootstrap 1000" in elements.text
    assert f"--checkpoint best --out {tmp_path / 'sub/report.html'}" in elements.text


# --- comparing runs


def scored_run(values: Any, offset: float = 0.0, direction: str = "a2b") -> Evaluation:
    images = [Scored(direction, i, f"{i}.png", {"l1": value}, {"l1": 60.0}) for i, value in enumerate(values)]
    mean = float(np.mean(values))
    scores = {
        "metrics": {direction: {"l1": mean, "swd": 20.0 + offset}},
        "baseline": {direction: {"l1": 60.0}},
        "intervals": {direction: {"l1": [mean - 5, mean + 5], "swd": [18.0 + offset, 22.0 + offset]}},
        "findings": [],
    }
    return Evaluation(scores, images)


def test_differences_are_paired_by_image_and_marked_only_where_they_can_be_told() -> None:
    hard = RANDOM.normal(30, 10, 40)  # how hard an image is: far more than what the runs differ by
    first = scored_run(hard)
    better, same = (
        scored_run(hard - 1 + RANDOM.normal(0, 0.5, 40), 9.0),
        scored_run(hard + RANDOM.normal(0, 2, 40), 2.5),
    )
    (table,) = compare.scores([first, better, same])
    lines = {line.label: line.cells for line in table.lines}
    one, two, three = lines["L1, grey levels"]
    assert (one.difference, one.verdict) == ("", None)
    assert two.verdict == "better"
    assert two.difference.startswith("−")
    assert re.fullmatch(r"−\d\.\d\d to −\d\.\d\d", two.reach)
    assert three.verdict == "same"
    one, two, three = lines["SWD × 10³"]  # of sets: half widths 2 and 2, added as squares
    assert (two.verdict, two.difference, two.reach) == ("worse", "+9.00", "+6.17 to +11.83")
    assert (three.verdict, three.reach) == ("same", "−0.33 to +5.33")


def test_differences_use_only_images_that_both_runs_have() -> None:
    first, second = scored_run([10.0, 20.0, 30.0, 40.0]), scored_run([12.0, 22.0, 32.0, 500.0])
    del second.images[3], first.images[0]
    (table,) = compare.scores([first, second])
    assert table.lines[0].cells[1].difference == "+2.00"


BOTH = {"data": {"size": [16, 16]}, "networks": {"generator": {"name": "resnet", "width": 4, "blocks": 1}}}


def with_(tree: dict[str, Any], **changes: Any) -> Config:
    return validate({**tree, **changes}, "test")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (with_(BOTH, produce=["b"]), "A to B"),
        (with_(BOTH, data={"size": [32, 16]}), "16×32 px"),
        (with_(PRIOR), "from noise"),
        (with_(BOTH, data={"size": [16, 16], "channels": {"a": 1}}), "A in 1 channels"),
    ],
)
def test_what_can_not_be_compared_is_refused(other: Config, says: str) -> None:
    with pytest.raises(UserError, match="can't be compared") as error:
        comparable.require([Path("x"), Path("y")], [with_(BOTH), other])
    assert says in error.value.what


def test_runs_are_called_by_what_tells_them_apart() -> None:
    assert comparable.names([Path("/r/one"), Path("/r/two")]) == ["one", "two"]
    assert comparable.names([Path("/x/run"), Path("/y/run"), Path("/y/z")]) == ["x/run", "y/run", "y/z"]
    with pytest.raises(UserError, match="twice"):
        comparable.require([Path("a/../a"), Path("a")], [with_(BOTH)] * 2)


def test_only_keys_that_differ_are_listed() -> None:
    fewer = {"adversarial": {"weight": 1.0}}
    one, two = with_(BOTH, training={"batch": 4}), with_(BOTH, training={"batch": 8}, objective=fewer)
    found = dict(comparable.differences([one, two]))
    assert found["training.batch"] == ["4", "8"]
    assert found["objective.cycle.weight"] == ["10.0", "–"]
    assert not [key for key in found if not key.startswith(("training.batch", "objective.cycle"))]
    assert comparable.differences([one, one]) == []


def untrained(tree: dict[str, Any], root: Path) -> Model:
    config = validate({**tree, "data": {**tree["data"], "root": str(root)}}, "test")
    torch.manual_seed(0)
    return Model(config, build.generators(config), checkpoint="x.pt", step=5)


def written(folder: Path, tree: dict[str, Any], root: Path, seed: int) -> Path:
    """A run folder as training leaves it, with untrained weights."""
    config = validate({**tree, "data": {**tree["data"], "root": str(root)}, "training": {"seed": seed}}, "test")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config.to_yaml())
    torch.manual_seed(seed)
    state = {"generator_ema": build.generators(config).state_dict()}
    checkpoint.save(folder, {"step": 5, **state}, keep=1)
    rows = [{"step": step, "seconds": 1.0, "loss/cycle/b": 0.5} for step in (1, 2, 3)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_two_runs_side_by_side(paired: Path, tmp_path: Path, call: Any) -> None:
    runs = [written(tmp_path / name, BOTH, paired, seed) for seed, name in enumerate(("one", "two"))]
    result = call("report", *runs, "--device", "cpu")
    assert result.exit_code == 0, result.output
    elements = Elements((tmp_path / "compare.html").read_text())
    assert len(elements.of("img")) == 2 * 4 * 4  # two directions of four held-out pairs: input, two outputs, truth
    assert re.search(r"input A\s*one\s*two\s*truth B", elements.text)
    assert re.search(r"training.seed\s*0\s*1", elements.text)
    assert re.search(r"A → B: two beside one: (better|worse|can't be told apart) by", elements.text)
    assert "another seed of the training" in elements.text
    assert f"translate report {runs[0]} {runs[1]} --out compare.html" in elements.text
    (tmp_path / "compare.html").write_text("mine")
    result = call("report", *runs)
    assert result.exit_code == 2
    assert "no report that this program wrote" in result.output


def test_samples_of_two_runs_side_by_side(paired: Path, tmp_path: Path, call: Any) -> None:
    runs = [written(tmp_path / name, PRIOR, paired, seed) for seed, name in enumerate(("one", "two"))]
    result = call("report", *runs, "--device", "cpu", "--out", "sub/c.html")
    assert result.exit_code == 0, result.output
    elements = Elements((tmp_path / "sub/c.html").read_text())
    assert len(elements.of("img")) == 2 * novelty.SHOWN + 4
    other = written(tmp_path / "three", BOTH, paired, 0)
    result = call("report", runs[0], other)
    assert result.exit_code == 2
    assert "can't be compared" in result.output


def test_a_report_is_written_where_nothing_can_be_scored(paired: Path, tmp_path: Path, call: Any) -> None:
    root = tmp_path / "data"
    shutil.copytree(paired, root)
    (root / "pairs.csv").unlink()
    shutil.rmtree(root / "testB")
    run = written(tmp_path / "run", {**BOTH, "produce": ["a"]}, root, 0)
    shutil.rmtree(root / "testA")
    (root / "testA").mkdir()
    for name in ("one.png", "two.png"):
        (root / "testA" / name).write_text("no image")
    result = call("report", run, "--device", "cpu")
    assert result.exit_code == 0, result.output
    text = Elements((run / "report.html").read_text()).text
    assert "There is no score" in text
    assert "cycle" in text
