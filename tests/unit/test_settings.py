"""Settings know where they were given, and mistakes are named by it."""

import pytest

from translate import config
from translate.errors import UserError
from translate.settings import Setting, from_environment

KNOWN = {"training": ["batch", "learning_rate"], "data": ["root"], "produce": []}


def test_two_underscores_stand_for_a_dot() -> None:
    given = {
        "TRANSLATE_TRAINING__LEARNING_RATE": "0.1",
        "TRANSLATE_PRODUCE": "[b]",
        "TRAINING__BATCH": "9",
        "HOME": "/",
    }
    found = from_environment(KNOWN, given)
    assert found == ["produce=[b]", "training.learning_rate=0.1"]
    assert found[1].origin == "environment TRANSLATE_TRAINING__LEARNING_RATE"


@pytest.mark.parametrize("name", ["TRANSLATE_CACHE", "TRANSLATE_OTHER_TOOL", "TRANSLATE_TRAINING", "translate_x__y"])
def test_variables_that_are_no_settings_are_let_alone(name: str) -> None:
    value = "" if name == "TRANSLATE_TRAINING" else "/somewhere"  # empty is as good as unset
    assert from_environment(KNOWN, {name: value}) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TRANSLATE_TRAINING_BATCH", "TRANSLATE_TRAINING__BATCH, with two underscores"),
        ("TRANSLATE_TRAINING_BTACH", "TRANSLATE_TRAINING__BATCH, with two underscores"),
        ("TRANSLATE_DATA_ZZZZ", "TRANSLATE_DATA__KEY, with two underscores"),
        ("TRANSLATE_PRODUCE_B", "TRANSLATE_PRODUCE, which has no keys"),
    ],
)
def test_a_missing_underscore_is_not_passed_over_whatever_follows_the_section(name: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected) as caught:
        from_environment(KNOWN, {name: "4"})
    assert caught.value.where == f"environment {name}"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TRANSLATE_TRAINING__BACH", "4", 'unknown key "bach". Did you mean "batch"?'),
        ("TRANSLATE_TRAINNG__BATCH", "4", 'unknown key "trainng". Did you mean "training"?'),
        ("TRANSLATE_TRAINING__BATCH", "many", 'or auto, not "many"'),
        ("TRANSLATE_DATA__TRANSFORMS", "[HorizontalFlop]", "data.transforms[0]: "),
        ("TRANSLATE_NETWORKS__GENERATOR", "rsnet", 'Did you mean "resnet"?'),
        ("TRANSLATE_TRAINING__BETAS", "[1, 2", "is not a YAML value"),
        ("TRANSLATE_DATA__ROOT", "2024-13-45", "is not a YAML value"),
        ("TRANSLATE_TRAINING__BATCH__X", "4", 'training.batch holds a value and has no key "x"'),
    ],
)
def test_mistakes_in_the_environment_are_named_as_such(
    variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError) as caught:
        config.load("smoke", config.environment())
    assert str(caught.value).startswith(f"environment {variable}: ")
    assert says in str(caught.value)


def test_a_mistake_that_the_environment_only_took_part_in_points_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATE_TRAINING__ACCUMULATE", "9")
    with pytest.raises(UserError) as caught:
        config.load("smoke", config.environment())
    assert caught.value.where == "smoke: training"
    assert "TRANSLATE_TRAINING__ACCUMULATE" in str(caught.value)


def test_a_mistake_of_the_file_is_not_blamed_on_a_setting() -> None:
    with pytest.raises(UserError) as caught:
        config.parse("training: {batch: x}", ["training.steps=3"], where="mine.yaml")
    assert str(caught.value).startswith("mine.yaml: training.batch: ")


def test_the_last_word_is_blamed_and_options_by_their_name() -> None:
    settings = [
        Setting("training.steps=5", "environment TRANSLATE_TRAINING__STEPS"),
        Setting("training.steps=0", "--steps"),
    ]
    with pytest.raises(UserError) as caught:
        config.load("smoke", settings)
    assert str(caught.value).startswith("--steps: ")


def test_the_environment_comes_before_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATE_TRAINING__BATCH", "3")
    monkeypatch.setenv("TRANSLATE_TRAINING__STEPS", "7")
    made = config.load("smoke", [*config.environment(), "training.batch=5"])
    assert (made.training.batch, made.training.steps) == (5, 7)
    assert config.load("smoke").training.steps == 8  # nobody else heeds it
