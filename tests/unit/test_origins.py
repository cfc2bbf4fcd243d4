"""Where each value came from, against files and settings whose answer is known."""

from pathlib import Path

import pytest
import yaml

from translate import config
from translate.origins import Origin, Value, as_json, lines, planned_settings, trace
from translate.plan import Choice
from translate.settings import Setting

TEXT = """\
training:
  batch: 2
  betas: [0.5,
          0.9]
networks:
  generator: unet
  latent: 16
  discriminator: {name: patchgan, layers: 2}
objective: {supervised: {weight: 100}}
produce: [b]
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def origins(values: list[Value]) -> dict[str, Origin]:
    return {".".join(one.key): one.origin for one in values}


def test_lines_of_a_file_and_defaults(mine: str) -> None:
    found = origins(trace(mine))
    for key, line in (
        ("training.batch", 2),
        ("training.betas", 3),
        ("networks.generator.name", 6),
        ("networks.latent.dimension", 7),
        ("networks.discriminator.layers", 8),
        ("objective.supervised.weight", 9),
    ):
        assert found[key] == Origin("file", f"{mine}:{line}"), key
    for key in ("training.steps", "networks.generator.levels", "networks.latent.prior", "objective.supervised.loss"):
        assert found[key] == Origin("default"), key


def test_values_are_those_of_the_resolved_configuration(mine: str) -> None:
    settings = ["data.size=[64, 64]", "networks.generator.norm=none"]
    values = trace(mine, settings)
    assert yaml.safe_load("\n".join(line for line, _ in lines(values))) == config.load(mine, settings).model_dump(
        mode="json"
    )


def test_the_last_setting_is_named(mine: str) -> None:
    settings = [
        Setting("training.batch=3", "environment TRANSLATE_TRAINING__BATCH"),
        Setting("training.steps=3", "environment TRANSLATE_TRAINING__STEPS"),
        "training.steps=4",
        Setting("training.seed=5", "--seed"),
    ]
    found = origins(trace(mine, settings))
    assert found["training.batch"] == Origin("environment", "TRANSLATE_TRAINING__BATCH")
    assert found["training.steps"] == Origin("option", "--set")
    assert found["training.seed"] == Origin("option", "--seed")


def test_what_a_setting_replaces_comes_from_nowhere_else(mine: str) -> None:
    found = origins(trace(mine, ["networks.discriminator=pixel"]))
    assert found["networks.discriminator.name"] == Origin("option", "--set")
    assert found["networks.discriminator.width"] == Origin("default")


def test_what_a_setting_leaves_keeps_its_origin(mine: str) -> None:
    found = origins(trace(mine, ["networks.generator.levels=4", "networks.latent=32", "networks.latent.enter=add"]))
    assert found["networks.generator.name"] == Origin("file", f"{mine}:6")
    assert found["networks.generator.levels"] == Origin("option", "--set")
    assert found["networks.latent.dimension"] == Origin("option", "--set")


def test_what_follows_the_size_says_so() -> None:
    found = origins(trace("pix2pix", ["data.size=[64, 64]"]))
    assert found["data.load_size"] == Origin("option", "--set, follows data.size")
    assert found["data.transforms"] == Origin("option", "--set, follows data.size")
    assert found["data.paired_share"].kind == "preset"


def test_a_plan_says_its_reasons_and_settings_still_win() -> None:
    choices = [Choice("training.batch", 8, "several: at once"), Choice("training.steps", 9, "as long as it takes")]
    values = trace("fast", ["training.steps=11"], planned_settings([Choice("preset", "fast", "why"), *choices]))
    found = origins(values)
    assert found["training.batch"] == Origin("planned", "several: at once")
    assert found["training.steps"] == Origin("option", "--set")
    assert as_json(values)["training.steps"] == {"value": 11, "origin": {"kind": "option", "where": "--set"}}


def test_merged_keys_have_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "merged.yaml"
    path.write_text("log: &log {every: 3}\nevaluation:\n  <<: *log\n  images: 9\n", encoding="utf-8")
    assert origins(trace(str(path)))["evaluation.every"] == Origin("file", f"{path}:1")


def test_of_a_run_the_lines_of_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(config.load("smoke").to_yaml(), encoding="utf-8")
    values = trace(str(tmp_path))
    assert {one.origin.kind for one in values} == {"file"}
    assert {one.key: one.value for one in values} == {one.key: one.value for one in trace("smoke")}
