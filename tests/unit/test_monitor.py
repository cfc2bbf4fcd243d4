"""Held-out scores during the training: when, at what cost, what is kept, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from translate import checkpoint, log
from translate import config as configuration
from translate.checkpoint import read
from translate.config import Config
from translate.data import faces, layouts
from translate.data.layouts import Dataset
from translate.errors import UserError
from translate.monitor import Look, Monitor, Speaker
from translate.run import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("monitor") / "faces"
    faces.make(root, size=16, train=8, test=8, pairs=False)
    return layouts.find(root)


def config(*settings: str) -> Config:
    return configuration.load("smoke", ["data.size=[16,16]", *settings])


def generators(*levels: float) -> nn.ModuleDict:
    """Generators that make flat images of these grey levels in [-1, 1], for a and b."""

    class Flat(nn.Module):
        def __init__(self, level: float) -> None:
            super().__init__()
            self.level = level

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full_like(x, self.level)

    return nn.ModuleDict(dict(zip("ab", map(Flat, levels), strict=True)))


def looked(monitor: Monitor, step: int, networks: nn.Module) -> Look:
    found = monitor.look(step, networks, 1e6)
    assert found is not None
    return found


def test_what_is_best_is_known_by_the_way_that_its_metric_points(dataset: Dataset) -> None:
    good, bad = generators(0, 0), generators(1, 1)
    for metric in ("l1", "psnr"):  # lower and higher is better
        monitor = Monitor(config(f"evaluation.best={metric}", "evaluation.metrics=[l1,psnr]"), dataset, CPU)
        bests = [looked(monitor, step, networks).best for step, networks in enumerate([bad, good, bad])]
        assert bests == [True, True, False]
        assert monitor.best is not None
        assert monitor.best[1] == 1


def test_the_scores_are_those_of_an_evaluation(dataset: Dataset) -> None:
    from translate.evaluation import evaluate
    from translate.inference.model import Model

    settings, networks = config("evaluation.metrics=[l1]"), generators(0, 0.5)
    values = looked(Monitor(settings, dataset, CPU), 3, networks).values
    expected = evaluate(Model(settings, networks, checkpoint="-", step=3), dataset, names=["l1"]).scores["metrics"]
    told = {f"score/{direction}/l1": scores["l1"] for direction, scores in expected.items()}
    told["score/mean/l1"] = sum(told.values()) / 2
    assert {name: v for name, v in values.items() if name.startswith("score/")} == pytest.approx(told)


def test_evaluations_cost_no_more_than_their_share(dataset: Dataset) -> None:
    monitor = Monitor(config("evaluation.every=10", "evaluation.share=0.1"), dataset, CPU)
    assert not monitor.due(10, 1)  # a tenth of a second pays for nothing
    assert monitor.due(10, 1000)
    assert not monitor.due(11, 1000)
    assert monitor.due(11, 1000, last=True)
    looked(monitor, 10, generators(0, 0))
    monitor.spent = 99.0  # beside what the next one costs, and the one at the end
    assert monitor.due(20, 1010 + 10 * monitor._cost)
    monitor.spent = 101.0
    assert not monitor.due(20, 1010)
    assert "2 were put off" in monitor.summary(1010, 20)
    assert "after step 10 was not scored" in monitor.summary(1010, 20)
    again = Monitor(config(), dataset, CPU)
    again.load_state_dict(monitor.state_dict())
    assert "not scored" not in again.summary(1010, 10)


def test_a_first_look_that_would_cost_too_much_is_not_finished(dataset: Dataset) -> None:
    monitor = Monitor(config(), dataset, CPU)
    assert monitor.look(1, generators(0, 0), seconds=0.0) is None
    assert monitor.best is None
    assert monitor.spent > 0


def test_held_out_images_that_can_not_be_read_do_not_end_a_training(tmp_path: Path) -> None:
    faces.make(tmp_path / "faces", size=16, train=8, test=2, pairs=False)
    for path in (tmp_path / "faces/testA").iterdir():
        path.write_text("no image")
    monitor = Monitor(config(), layouts.find(tmp_path / "faces"), CPU)
    assert monitor.look(1, generators(0, 0), 1e6) is None
    assert not monitor.due(500, 1e6)
    assert "could not be scored: " in monitor.summary(1e6, 1)


def test_without_held_out_images_nothing_is_scored(dataset: Dataset) -> None:
    alone = Dataset(dataset.root, dataset.layout, {"train": dataset.splits["train"]})
    assert not Monitor(config(), alone, CPU).due(500, 1e6)
    assert not Monitor(config("evaluation.metrics=[]"), dataset, CPU).due(500, 1e6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("evaluation.metrics=[sim]", r'evaluation\.metrics: unknown metric "sim". Did you mean "ssim"'),
        ("evaluation.best=psnr", "not among the metrics"),
        ("evaluation.split=tset", 'Did you mean "test"'),
    ],
)
def test_mistakes_are_said_before_the_training(dataset: Dataset, setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Monitor(config(setting), dataset, CPU)


def test_a_metric_without_its_weights_is_refused_at_the_start(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from translate.metrics import weights

    def offline(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    assert weights.PUBLISHED  # the module that would fetch them
    with pytest.raises(UserError, match="fid can't be computed"):
        Monitor(config("evaluation.metrics=[fid]"), dataset, CPU)


def test_a_training_keeps_its_best_weights_and_stops_when_it_gets_no_better(dataset: Dataset, tmp_path: Path) -> None:
    said: list[str] = []
    # A rate of almost nothing: after the first evaluation nothing becomes better.
    settings = config(
        "training.steps=60", "training.learning_rate=1e-12", "evaluation={every: 2, patience: 3, share: 1, best: l1}"
    )
    import translate.monitor as module

    always = pytest.MonkeyPatch()
    always.setattr(module.Monitor, "due", lambda self, step, seconds, last=False: step % 2 == 0)
    always.setattr(module.Monitor, "look", _worse(module.Monitor.look))
    try:
        outcome = train(settings, dataset, tmp_path / "run", CPU, warn=said.append)
        assert outcome.stale
        assert outcome.steps == 8  # the first is the best, then three that are not
        best = read(tmp_path / "run/checkpoints/best.pt")
        assert best["step"] == 2
        _says_what_it_was_chosen_by(dataset, tmp_path / "run")
        rows = [row for row in log.read(tmp_path / "run") if "score/a2b/l1" in row]
        assert [row["step"] for row in rows] == [2, 4, 6, 8]
        assert all("evaluation/seconds" in row for row in rows)
        # The same command again finds that it is over; more patience goes on.
        assert train(settings, dataset, tmp_path / "run", CPU).steps == 8
        settings.evaluation.patience = 5
        assert train(settings, dataset, tmp_path / "run", CPU).steps == 12
    finally:
        always.undo()


def _says_what_it_was_chosen_by(dataset: Dataset, run: Path) -> None:
    from translate import checkpoint
    from translate.evaluation import evaluate
    from translate.inference.model import Model

    for name, chosen in (("best", True), ("last", False)):
        model = Model.load(run, "cpu", checkpoint.find(run, name))
        scores = evaluate(model, dataset, names=["l1"]).scores
        assert any("on this very split" in sentence for sentence in scores["warnings"]) == chosen
        assert (scores["protocol"].get("selected_by") == "l1 on split test") == chosen


def _worse(look):  # type: ignore[no-untyped-def]
    """As `look`, with time to spend and a score that worsens with the step."""

    def looking(self: Monitor, step: int, networks: nn.Module, seconds: float) -> Look | None:
        return look(self, step, generators(step / 100, step / 100), 1e6)

    return looking


def test_scoring_changes_no_bit_of_the_training(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config("training.steps=4", "training.ema=0")  # without averaging what is scored is what learns
    train(settings, dataset, tmp_path / "plain", CPU)
    monkeypatch.setattr(Monitor, "due", lambda self, step, seconds, last=False: True)
    before = Monitor.look
    monkeypatch.setattr(Monitor, "look", lambda self, step, networks, seconds: before(self, step, networks, 1e6))
    train(settings, dataset, tmp_path / "scored", CPU)
    plain, scored = (read(tmp_path / name / "checkpoints/step-00000004.pt") for name in ("plain", "scored"))
    assert (tmp_path / "scored/checkpoints/best.pt").is_file()
    for part in ("generator", "discriminator"):
        for name, weight in plain[part].items():
            assert torch.equal(weight, scored[part][name])


def test_a_finding_is_said_once_for_each_direction() -> None:
    said: list[str] = []
    speaker = Speaker(said.append)
    finding = {"name": "checkerboard", "direction": "a2b", "message": "Stripes.", "try": "resize."}
    for _ in range(2):
        speaker.say([finding, finding | {"direction": "b2a"}])
    assert said == ["checkerboard: a2b: Stripes. Try: resize.", "checkerboard: b2a: Stripes. Try: resize."]


def test_images_are_spoken_of_when_two_looks_agree_and_the_training_is_on_its_way() -> None:
    said: list[str] = []
    speaker = Speaker(said.append)
    finding = {"name": "identity_shortcut", "direction": "a2b", "message": "Nothing.", "try": "on."}
    for share, found in ((0.05, [finding]), (0.1, [finding]), (0.3, []), (0.4, [finding])):
        speaker.looked(found, share)
    assert not said
    speaker.looked([finding], 0.5)
    speaker.looked([finding], 0.6)
    assert said == ["identity_shortcut: a2b: Nothing. Try: on."]


def test_weights_that_are_no_numbers_are_never_saved(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    train(config("training.steps=2"), dataset, run, CPU)
    sound = checkpoint.read(run / "checkpoints/step-00000002.pt")
    broken = config("training.steps=40", "log.every=1", "log.keep=1")
    from translate.trainer import Trainer

    before = Trainer.step

    def step(self, *arguments, **options):  # type: ignore[no-untyped-def]
        found = before(self, *arguments, **options)
        if self.step_count == 5:
            with torch.no_grad():
                next(self.networks.generator.parameters()).fill_(float("nan"))
        return found

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(UserError, match="no numbers any more at step 5") as error:
        train(broken, dataset, run, CPU)
    assert "step-00000002 is saved and stays" in str(error.value)
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000002.pt"]
    found = checkpoint.read(run / "checkpoints/step-00000002.pt")
    assert found["lowered"] == 3  # it went back three times, and kept the same weights each time
    assert all(torch.equal(found["generator"][name], weight) for name, weight in sound["generator"].items())


def test_what_one_look_leaves_out_the_next_one_computes(dataset: Dataset) -> None:
    monitor = Monitor(config("evaluation.metrics=[l1]"), dataset, CPU)
    assert monitor.metrics is not None
    refusals = iter(range(2))  # the first call of the probe, and of the look after it

    def picky(output: object, truth: object) -> float:
        if next(refusals, None) is not None:
            raise UserError("too few images")
        return 1.0

    monitor.metrics.pairs["psnr"] = picky
    assert "score/a2b/psnr" not in looked(monitor, 1, generators(0, 0)).values
    assert looked(monitor, 2, generators(0, 0)).values["score/a2b/psnr"] == 1
