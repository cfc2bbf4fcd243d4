"""What is done after a step follows from clock, signals, scores and failures."""

from dataclasses import dataclass

import pytest

from translate import config
from translate.keeping.pace import Decision, Pace
from translate.monitor import Look


@dataclass
class Writer:
    busy: bool = False
    failing: bool = False


@dataclass
class Scores:
    wanted: bool = False
    stale: bool = False

    def due(self, step: int, seconds: float, last: bool = False) -> bool:
        return self.wanted


def pace(writer: Writer, scores: Scores, interrupted: bool = False, saved: bool = False, *settings: str) -> Pace:
    chosen = config.load("smoke", ["training.steps=1000", "log={every: 10, preview_every: 50}", *settings])
    return Pace(chosen, scores, writer, lambda: interrupted, 0.0, saved)  # type: ignore[arg-type]


def saves(made: Pace, writer: Writer, until: int) -> list[int]:
    """Seconds at which it saves, asked every 5."""
    return [seconds for seconds in range(5, until, 5) if made.decide(seconds, seconds, lambda: True).save]


def test_the_first_checkpoint_comes_soon_and_the_others_by_the_minutes() -> None:
    writer = Writer()
    assert saves(pace(writer, Scores()), writer, 1000) == [65, 370, 675, 980]
    assert saves(pace(writer, Scores(), saved=True), writer, 700) == [305, 610]
    often = "log.save_minutes=0.5"
    assert saves(pace(writer, Scores(), False, False, often), writer, 110) == [35, 70, 105]


def test_none_while_one_is_written_and_soon_again_after_one_that_failed() -> None:
    assert saves(pace(Writer(busy=True), Scores()), Writer(), 1000) == []
    writer = Writer(failing=True)
    assert saves(pace(writer, Scores(), saved=True), writer, 200) == [65, 130, 195]


@pytest.mark.parametrize(("step", "interrupted", "wanted"), [(10, False, False), (7, True, False), (7, False, True)])
def test_whatever_is_written_down_is_sound_first(step: int, interrupted: bool, wanted: bool) -> None:
    made = pace(Writer(), Scores(wanted), interrupted)
    assert made.decide(step, 1.0, lambda: False) == Decision(step / 1000, back=True)
    assert not made.decide(step, 1.0, lambda: True).back
    unasked = pace(Writer(), Scores()).decide(7, 1.0, lambda: pytest.fail("the device was waited for"))
    assert unasked == Decision(0.007)


def test_the_last_step_and_an_interrupted_one_stop_and_only_the_last_is_reported_out_of_turn() -> None:
    last = pace(Writer(), Scores()).decide(1000, 1.0, lambda: True)
    assert (last.share, last.stop, last.report, last.show, last.preview, last.save) == (
        1,
        True,
        True,
        True,
        True,
        False,
    )
    asked = pace(Writer(), Scores(), interrupted=True).decide(7, 1.0, lambda: True)
    assert (asked.stop, asked.report, asked.save) == (True, False, False)


def test_a_look_decides_what_is_best_and_whether_it_ends() -> None:
    made = pace(Writer(), Scores(stale=True))
    before = Decision(0.5, look=True)
    assert made.looked(before, Look({}, True, [])) == Decision(0.5, look=True, best=True, stop=True)
    assert pace(Writer(), Scores()).looked(before, None) == before
