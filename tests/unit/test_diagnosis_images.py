"""Faults planted in what a run shows are found, each in five seeds; good runs with harmless flaws are left in peace."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from translate.diagnosis import OF_IMAGES, Finding, Seen, of_images

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import diagnosis_faults as faults

SEEDS = range(5)
SIZES = {"checkerboard": (64, 24)}
"""Side and number of images, where 32 px and 64 images are too small or more than are needed."""
PLANTED = [(name, makers[0]) for name, makers in faults.FAULTS.items()]
"""tests/behaviour/test_diagnosis.py plants the others too, in more and larger images."""


def names(found: list[Finding]) -> list[str]:
    return [finding.name for finding in found]


def only(name: str, seen: Seen, seed: int = 0) -> list[Finding]:
    """What one function of the table says."""
    module, _, function = OF_IMAGES[name].partition(":")
    return getattr(importlib.import_module(module), function)(seen, seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "maker"), PLANTED)
def test_a_planted_fault_is_found(name: str, maker: faults.Maker, seed: int) -> None:
    (finding,) = only(name, maker(seed, *SIZES.get(name, (32, 64))), seed)
    assert finding.name == name
    assert finding.message.endswith((".", ")"))
    assert finding.advice
    assert finding.evidence


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("world", faults.WORLDS)
def test_a_good_run_is_left_in_peace(world: str, seed: int) -> None:
    flaw = list(faults.FLAWS)[(seed + 1) % len(faults.FLAWS)]
    assert names(of_images(faults.healthy(world, flaw, seed, 32, 64), seed)) == []


@pytest.mark.parametrize("flaw", ["none", "soft, tinted and pale", "JPEG"])
def test_good_large_images_are_left_in_peace(flaw: str) -> None:
    assert names(of_images(faults.healthy("no pairs", flaw, 0, 64, 48))) == []


def test_a_finding_knows_its_direction_and_errors_come_first() -> None:
    seen = faults.checkers(0, 64, 24)
    found = of_images(replace(seen, direction="a2b", outputs=seen.outputs[:1].repeat(24, axis=0)))
    assert {finding.direction for finding in found} == {"a2b"}
    assert names(found) == ["mode_collapse", "checkerboard"]
    assert [finding.severity for finding in found] == ["error", "warning"]


def test_what_follows_from_a_finding_is_not_said_beside_it() -> None:
    seen = faults.input_ignored(0, 32, 64)
    assert names(only("lost_content", seen)) == ["lost_content"]
    assert names(of_images(seen)) == ["mode_collapse"]


def test_few_or_tiny_images_say_nothing() -> None:
    seen = faults.negatives(0, 32, 15)
    assert of_images(seen) == []
    assert of_images(faults.one_image(0, 8, 64)) == []


def test_what_is_missing_silences_only_what_needs_it() -> None:
    seen = faults.negatives(0, 32, 64)
    assert "colour_inversion" not in names(of_images(replace(seen, inputs=None, truths=None)))
    assert "memorisation" not in names(of_images(replace(faults.copies(0, 32, 64), known=None)))
    assert "mode_dropping" in names(of_images(replace(faults.one_style_dropped(0, 32, 100), known=None)))
    assert only("hidden_information", replace(faults.hidden_in_grain(0, 32, 64), back=None)) == []


def test_copies_are_not_held_against_a_generator_where_train_and_test_leak() -> None:
    seen = faults.copies(0, 32, 64)
    assert seen.known is not None
    leaking = np.concatenate([seen.known[:16], seen.reals[16:]])
    assert only("memorisation", replace(seen, reals=leaking)) == []


def test_twins_of_twin_inputs_are_no_collapse() -> None:
    seen = faults.healthy("no pairs", "none", 0, 32, 64)
    assert seen.inputs is not None
    twice = np.arange(64) // 2
    assert only("mode_collapse", replace(seen, inputs=seen.inputs[twice], outputs=seen.outputs[twice])) == []
    assert names(only("mode_collapse", replace(seen, outputs=seen.outputs[twice]))) == ["mode_collapse"]


def test_doing_little_is_right_where_little_is_asked() -> None:
    """Domains that hardly differ, and a change as large as the one that is wanted."""
    seen = faults.nothing_done(0, 32, 64)
    assert seen.inputs is not None
    same = replace(seen, reals=seen.inputs, truths=seen.inputs)
    assert only("identity_shortcut", same) == []
    assert only("identity_shortcut", replace(same, truths=None)) == []


def test_edges_say_nothing_where_the_truths_do_not_keep_them() -> None:
    seen = faults.other_scenes(0, 32, 64)
    assert seen.truths is not None
    assert only("lost_content", replace(seen, truths=np.roll(seen.truths, 7, axis=0))) == []


def test_the_pattern_of_the_real_images_is_no_checkerboard() -> None:
    seen = faults.checkers(0, 64, 24)
    assert only("checkerboard", replace(seen, reals=seen.outputs)) == []


def test_domains_that_are_each_others_negatives_are_right() -> None:
    """With pairs that is known; and a way that keeps light and dark is the inversion there."""
    seen = faults.translation(0, 32, 64)
    inverse = replace(seen, outputs=255 - seen.outputs, truths=255 - seen.outputs, reals=255 - seen.outputs)
    assert only("colour_inversion", inverse) == []
    assert names(only("colour_inversion", replace(inverse, outputs=seen.outputs))) == ["colour_inversion"]


def test_outputs_that_are_no_numbers_break_nothing() -> None:
    seen = faults.healthy("no pairs", "none", 0, 32, 64)
    assert of_images(replace(seen, exact=np.full(seen.outputs.shape, np.nan, np.float32))) == []


@pytest.mark.parametrize("channels", [1, 9])
def test_grey_images_and_frames_are_looked_at_alike(channels: int) -> None:
    def changed(images: np.ndarray) -> np.ndarray:
        return images[..., :1] if channels == 1 else np.tile(images, (1, 1, 1, 3))

    for maker, name in ((faults.negatives, "colour_inversion"), (faults.other_scenes, "lost_content")):
        seen = maker(0, 32, 64)
        assert seen.truths is not None
        assert seen.exact is not None
        narrow = replace(
            seen,
            outputs=changed(seen.outputs),
            reals=changed(seen.reals),
            truths=changed(seen.truths),
            known=None,
            exact=changed(seen.exact),
        )
        assert name in names(of_images(narrow))


def test_rows_and_sizes_must_match() -> None:
    seen = faults.translation(0, 32, 64)
    with pytest.raises(ValueError, match="63 truths for 64 outputs"):
        replace(seen, truths=seen.outputs[1:])
    with pytest.raises(ValueError, match="reals"):
        replace(seen, reals=seen.reals[:, :16])


@pytest.mark.parametrize("seed", range(5))
def test_outputs_that_are_far_from_all_real_images_drop_no_modes(seed: int) -> None:
    """All of it is wrong there, and the advice for dropped modes would mislead."""
    real = faults.samples(seed, 32, 120)
    noise = np.random.default_rng(seed).integers(0, 256, real.outputs.shape, np.uint8)
    found = of_images(replace(real, outputs=noise), seed)
    assert "mode_dropping" not in {finding.name for finding in found}
