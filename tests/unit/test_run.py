"""A stopped run that is started again ends with the very bits of one that was never stopped."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import PRESETS, SMALL

from translate import checkpoint, config, log, needs, run
from translate.config import Config
from translate.data import layouts
from translate.errors import UserError
from translate.monitor import Look, Monitor
from translate.run import Outcome, Progress
from translate.trainer import Trainer

CPU = torch.device("cpu")


def smoke(*settings: str) -> Config:
    return config.load("smoke", ["log={every: 1, preview_every: 100}", *settings])


def train(chosen: Config, root: Path, out: Path, stop_after: int | None = None) -> Outcome:
    """Train; `stop_after` a step as Ctrl-C during it would."""

    def watch(progress: Progress) -> None:
        if progress.step + 1 == stop_after:
            signal.raise_signal(signal.SIGINT)

    dataset = layouts.find(root, chosen.data.pairs)
    return run.train(needs.settle(chosen, dataset), dataset, out, CPU, watch)


def state(out: Path) -> dict[str, Any]:
    return checkpoint.read(checkpoint.newest(out))


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two trees of tensors and values are not the same bits."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = [] if one.keys() == other.keys() else [f"{path}: keys"]
        return found + [
            d for key in one.keys() & other.keys() for d in differences(one[key], other[key], f"{path}/{key}")
        ]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        found = [] if len(one) == len(other) else [f"{path}: length"]
        return found + [
            d for i, pair in enumerate(zip(one, other, strict=False)) for d in differences(*pair, f"{path}/{i}")
        ]
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) and one.dtype == other.dtype else [path]
    return [] if one == other else [f"{path}: {one!r} and {other!r}"]


def test_the_comparison_sees_one_changed_bit() -> None:
    tree = {"a": [torch.zeros(3), {"b": torch.ones(2)}], "step": 1}
    changed = {"a": [torch.zeros(3), {"b": torch.tensor([1.0, 1.0000001])}], "step": 1}
    assert differences(tree, tree) == []
    assert differences(tree, changed) == ["/a/1/b"]


def test_every_preset_is_resumed_here() -> None:
    assert set(PRESETS) == set(config.presets())


@pytest.mark.parametrize("preset", PRESETS)
def test_stopping_and_continuing_changes_no_bit(preset: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    data, settings = PRESETS[preset]
    root = request.getfixturevalue(data)
    chosen = config.load(preset, SMALL + settings)
    assert train(chosen, root, tmp_path / "straight").steps == 4
    stopped = train(chosen, root, tmp_path / "stopped", stop_after=2)
    assert (stopped.steps, stopped.interrupted) == (2, True)
    continued = train(chosen, root, tmp_path / "stopped")
    assert (continued.steps, continued.interrupted) == (4, False)
    one, two = state(tmp_path / "straight"), state(tmp_path / "stopped")
    assert differences({**one, "seconds": 0}, {**two, "seconds": 0}) == []
    measured = ("seconds", "images_per_second", "data_wait")
    rows = [
        [{k: v for k, v in row.items() if k not in measured} for row in log.read(tmp_path / name)]
        for name in ("straight", "stopped")
    ]
    assert rows[0] == rows[1]
    assert [row["step"] for row in rows[0]] == [1, 2, 3, 4]


def unmeasured(out: Path) -> list[dict[str, Any]]:
    """The rows of the log without what a clock says."""
    clocked = ("seconds", "images_per_second", "data_wait", "evaluation/seconds", "evaluation/share")
    return [{k: v for k, v in row.items() if k not in clocked} for row in log.read(out)]


@pytest.mark.parametrize("stop_after", [3, 6])
def test_a_stop_between_two_reports_loses_nothing(
    stop_after: int, unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = smoke(
        "objective.r1={term: gradient_penalty, at: real, weight: 1, every: 4}",  # speaks in steps 1 and 5
        "training={steps: 8, batch: 4, accumulate: 2, discriminator_steps: 2, ema: 0.9}",
        "log={every: 4, preview_every: 100}",
        "evaluation.metrics=[]",
    )
    train(chosen, unpaired, tmp_path / "straight")
    before = Trainer.step

    def step(self: Trainer, *arguments: Any, **options: Any) -> Any:
        if self.step_count + 1 == stop_after:
            signal.raise_signal(signal.SIGINT)
        return before(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        assert train(chosen, unpaired, tmp_path / "stopped").steps == stop_after
    train(chosen, unpaired, tmp_path / "stopped")
    one, two = state(tmp_path / "straight"), state(tmp_path / "stopped")
    assert differences({**one, "seconds": 0}, {**two, "seconds": 0}) == []
    assert unmeasured(tmp_path / "straight") == unmeasured(tmp_path / "stopped")
    assert [row["step"] for row in unmeasured(tmp_path / "stopped")] == [4, 8]
    assert all("loss/r1/discriminator/b" in row for row in unmeasured(tmp_path / "stopped"))


def test_the_best_score_and_the_patience_go_on_after_a_stop(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {1: 5.0, 2: 3.0, 3: 4.0, 4: 3.5, 5: 3.2}

    def look(monitor: Monitor, step: int, *_: object) -> Look:
        return Look({"score/a2b/l1": values[step]}, monitor._judged(values[step], step), [])

    monkeypatch.setattr(Monitor, "due", lambda *_, **__: True)
    monkeypatch.setattr(Monitor, "look", look)
    chosen = smoke("training.steps=5", "evaluation={every: 1, metrics: [l1], patience: 3}")
    for name, stop_after in (("straight", None), ("stopped", 3)):
        train(chosen, unpaired, tmp_path / name, stop_after)
        assert train(chosen, unpaired, tmp_path / name).steps == 5
        assert checkpoint.read(tmp_path / name / "checkpoints" / checkpoint.BEST)["step"] == 2
        found = state(tmp_path / name)["monitor"]
        assert (found["best"], found["since_best"]) == ((3.0, 2), 3)
    assert [row.get("score/a2b/l1") for row in unmeasured(tmp_path / "stopped")][1::2] == list(values.values())
    assert unmeasured(tmp_path / "straight") == unmeasured(tmp_path / "stopped")


def test_the_rates_are_those_of_the_whole_training_after_a_stop(unpaired: Path, tmp_path: Path) -> None:
    chosen = smoke("training={steps: 4, batch: 2, learning_rate: 0.01, decay_from: 0}")
    train(chosen, unpaired, tmp_path / "run", stop_after=2)
    train(chosen, unpaired, tmp_path / "run")
    rates = [row["learning_rate/generator"] for row in log.read(tmp_path / "run")]
    assert rates == pytest.approx([0.01, 0.0075, 0.005, 0.0025])


def test_a_finished_run_is_left_as_it_is(unpaired: Path, tmp_path: Path) -> None:
    for name, length in (("steps", "training.steps=2"), ("minutes", "training.minutes=0.000001")):
        chosen, out = smoke(length), tmp_path / name
        first = train(chosen, unpaired, out)
        before = state(out)
        again = train(chosen, unpaired, out)
        assert (again.steps, again.interrupted) == (first.steps, False)
        assert differences(before, state(out)) == []


def test_more_steps_may_be_asked_for_and_nothing_else(unpaired: Path, tmp_path: Path) -> None:
    train(smoke("training.steps=2"), unpaired, tmp_path / "run")
    assert train(smoke("training.steps=3", "log.every=2"), unpaired, tmp_path / "run").steps == 3
    for setting, key in (
        ("training.seed=1", "training.seed"),
        ("training.batch=2", "training.batch"),
        ("networks.generator.width=16", "networks.generator.width"),
        ("objective.cycle.weight=5", "objective.cycle.weight"),
        ("objective.identity.weight=5", "objective.identity"),
        ("data.transforms=[HorizontalFlip]", "data.transforms"),
    ):
        with pytest.raises(UserError) as caught:
            train(smoke("training.steps=4", setting), unpaired, tmp_path / "run")
        assert key in str(caught.value)
        assert str(tmp_path / "run") in str(caught.value)
    assert state(tmp_path / "run")["step"] == 3
    assert config.load_run(tmp_path / "run").training.seed == 0


def test_a_folder_with_other_things_is_not_touched(unpaired: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    for out in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(UserError, match="--out"):
            train(smoke(), unpaired, out)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_wrong_out_is_said_before_a_picture_is_read(
    unpaired: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setattr(run, "Batches", lambda *_, **__: pytest.fail("the data was loaded first"))
    with pytest.raises(UserError, match="other files"):
        run.train(config.load("smoke"), layouts.find(unpaired), tmp_path, torch.device("cpu"))


def test_a_kill_during_the_very_first_save_costs_nothing_but_time(unpaired: Path, tmp_path: Path) -> None:
    chosen = smoke("training.steps=2")
    train(chosen, unpaired, tmp_path / "whole")
    out = tmp_path / "killed"
    (out / "checkpoints").mkdir(parents=True)
    (out / "config.yaml").write_text(chosen.to_yaml())
    (out / "checkpoints" / "step-00000001.partial").write_bytes(b"PK")
    (out / log.FILE).write_text('{"step": 1, "loss/x": 1.0}\n{"ste')
    assert train(chosen, unpaired, out).steps == 2
    one, two = state(tmp_path / "whole"), state(out)
    assert differences({**one, "seconds": 0}, {**two, "seconds": 0}) == []
    assert [row["step"] for row in log.read(out)] == [1, 2]


def test_checkpoints_come_by_the_minute_and_only_the_newest_are_kept(unpaired: Path, tmp_path: Path) -> None:
    chosen = smoke("training.steps=5", "log.save_minutes=0.0000001", "log.keep=3")
    train(chosen, unpaired, tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert 2 <= len(names) <= 3  # as many as could be written meanwhile
    assert names[-1] == "step-00000005.pt"


def test_signals_are_given_back(unpaired: Path, tmp_path: Path) -> None:
    before = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]
    assert train(smoke("training.steps=3"), unpaired, tmp_path / "run", stop_after=2).interrupted
    assert [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_log_holds_losses_norms_rates_and_speed(unpaired: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(smoke("training.steps=2", "log={every: 1, preview_every: 1}"), unpaired, tmp_path / "run")
    expected = {
        "seconds", "images_per_second", "data_wait", "grad_norm/generator", "grad_norm/discriminator",
        "learning_rate/generator", "learning_rate/discriminator", "loss/cycle/a", "loss/cycle/b",
        "loss/adversarial/a", "loss/adversarial/b", "loss/adversarial/discriminator/a",
        "loss/adversarial/discriminator/b", "separation/a", "separation/b",
    }  # fmt: skip
    rows = log.read(tmp_path / "run")
    assert set(rows[0]) - {"step"} == expected
    assert all(0 <= row["data_wait"] <= 1 and row["images_per_second"] > 0 for row in rows)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == expected
    assert set(events.Tags()["images"]) == {"preview/a2b", "preview/b2a"}
    for name in expected:
        assert [e.step for e in events.Scalars(name)] == [1, 2]
        assert [e.value for e in events.Scalars(name)] == pytest.approx([row[name] for row in rows], rel=1e-4)


def test_the_checkpoint_carries_the_configuration(unpaired: Path, tmp_path: Path) -> None:
    import json

    chosen = smoke("training.steps=1")
    train(chosen, unpaired, tmp_path / "run")
    assert Config.model_validate(json.loads(state(tmp_path / "run")["config"])) == chosen
    assert config.load_run(tmp_path / "run") == chosen


def test_unreadable_pictures_are_named(unpaired: Path, tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "data"
    shutil.copytree(unpaired, root)
    (root / "trainA" / "0000003.png").write_bytes(b"no image")
    said: list[str] = []
    chosen = smoke("training.steps=1")
    run.train(chosen, layouts.find(root), tmp_path / "run", CPU, warn=said.append)
    assert len(said) == 1
    assert "0000003.png" in said[0]


def test_a_lazy_term_is_in_every_report(unpaired: Path, tmp_path: Path) -> None:
    lazy = "objective.r1={term: gradient_penalty, at: real, weight: 1, every: 3}"
    train(smoke(lazy, "log.every=4", "training.steps=8"), unpaired, tmp_path / "run")
    rows = log.read(tmp_path / "run")
    assert [row["step"] for row in rows] == [4, 8]
    assert all("loss/r1/discriminator/b" in row for row in rows)
