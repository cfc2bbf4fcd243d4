"""Every way of planting a fault, at the size of real runs; and faults that trainings run into by themselves."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import diagnosis as tables
import diagnosis_faults as faults
import diagnosis_trained

from translate.diagnosis import of_images, of_log

pytestmark = pytest.mark.slow
SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "maker"), [(name, maker) for name, makers in faults.FAULTS.items() for maker in makers]
)
def test_a_planted_fault_is_found(name: str, maker: faults.Maker, seed: int) -> None:
    size, count = tables.SIZES.get(maker.__name__, (64, 128))
    assert name in {finding.name for finding in of_images(maker(seed, size, count), seed)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("flaw", faults.FLAWS)
@pytest.mark.parametrize("world", faults.WORLDS)
def test_a_good_run_is_left_in_peace(world: str, flaw: str, seed: int) -> None:
    assert of_images(faults.healthy(world, flaw, seed, 64, 128), seed) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_networks_that_must_hide_are_caught(seed: int) -> None:
    found = {finding.name: finding for finding in of_images(diagnosis_trained.steganographer(seed), seed)}
    evidence = found["hidden_information"].evidence
    assert evidence["error"] < 0.6 * evidence["error_of_another"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", diagnosis_trained.TRAININGS)
def test_a_training_that_goes_wrong_is_called_so(way: str, seed: int, tmp_path: Path) -> None:
    wanted = diagnosis_trained.TRAININGS[way][0]
    assert wanted in {finding.name for finding in of_log(diagnosis_trained.trained(way, seed, tmp_path))}
