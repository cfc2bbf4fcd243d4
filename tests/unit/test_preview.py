"""The grid shows input | output (| truth) of the right pictures, whatever the folder holds."""

import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from translate import config
from translate.data import images, layouts
from translate.preview import Preview

CPU = torch.device("cpu")


class Negative(nn.Module):
    """A generator whose output is known."""

    def forward(self, x: Tensor) -> Tensor:
        return -x


def grids(root: Path, *settings: str, network: nn.Module | None = None) -> dict[str, NDArray[np.uint8]]:
    chosen = config.load("smoke", settings)
    generator = nn.ModuleDict({str(d): network or Negative() for d in chosen.produce})
    return Preview(chosen, layouts.find(root, chosen.data.pairs), CPU).draw(generator)


def pixels(folder: Path) -> list[NDArray[np.uint8]]:
    return [images.decode(path, 3) for path in sorted(folder.iterdir())]


def test_rows_are_input_output_truth_of_held_out_pairs(paired: Path) -> None:
    found = grids(paired)
    assert set(found) == {"a2b", "b2a"}
    for name, inputs, truths in (("a2b", "testA", "testB"), ("b2a", "testB", "testA")):
        rows = [
            np.concatenate([image, 255 - image, truth], axis=1)
            for image, truth in zip(pixels(paired / inputs), pixels(paired / truths), strict=True)
        ]
        assert np.array_equal(found[name], np.concatenate(rows)), name


def test_without_held_out_pairs_there_is_no_truth(tmp_path: Path, unpaired: Path) -> None:
    for name in ("trainA", "trainB"):
        (tmp_path / name).symlink_to(unpaired / name)
    assert grids(tmp_path)["a2b"].shape == (4 * 16, 2 * 16, 3)


def test_few_pictures_are_each_shown_once(tmp_path: Path, unpaired: Path) -> None:
    for name in ("trainA", "trainB"):
        (tmp_path / name).symlink_to(unpaired / name)
    for name in ("testA", "testB"):
        (tmp_path / name).mkdir()
        for number, path in enumerate(sorted((unpaired / name).iterdir())[:3]):
            shutil.copy(path, tmp_path / name / f"{name}{number}.png")
    grid = grids(tmp_path, "log.preview_rows=4")["a2b"]
    assert np.array_equal(grid[:, :16], np.concatenate(pixels(tmp_path / "testA")))


def test_a_held_out_folder_of_one_domain_only(tmp_path: Path, unpaired: Path) -> None:
    for name in ("trainA", "trainB", "testB"):
        (tmp_path / name).symlink_to(unpaired / name)
    found = grids(tmp_path)
    assert found["a2b"].shape[0] == found["b2a"].shape[0] == 4 * 16


def test_grey_pictures_stand_beside_colour(paired: Path) -> None:
    class Grey(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1, keepdim=True)

    grid = grids(paired, "produce=[b]", "data.channels.b=1", "objective={adversarial: {}}", network=Grey())["a2b"]
    assert grid.shape == (4 * 16, 3 * 16, 3)
    output, truth = grid[:, 16:32], grid[:, 32:]
    assert (output == output[..., :1]).all()
    assert (truth == truth[..., :1]).all()


def test_drawing_leaves_the_generators_in_training_mode_and_without_statistics_of_the_preview(paired: Path) -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Tanh())
    grids(paired, network=network)
    assert network.training
    assert int(network[0].num_batches_tracked) == 0


class Spread(nn.Module):
    """A plain image whose colour is the latent, darker from class to class."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        light = 1.0 if labels is None else 0.5 ** labels[:, None, None, None].float()
        return torch.tanh(z[:, :3, None, None].expand(-1, 3, 16, 16) + 3) * light


ALONE = ["networks.latent=3", "produce=[b]", "objective={adversarial: {}}", "log.preview_rows=3"]


def sampled(root: Path, *settings: str) -> NDArray[np.uint8]:
    chosen = config.load("smoke", [*ALONE, *settings])
    preview = Preview(chosen, layouts.find(root), CPU)
    one, two = (preview.draw(nn.ModuleDict({"b": Spread()}))["sample"] for _ in range(2))
    assert np.array_equal(one, two)
    return one


def test_noise_is_the_same_each_time(single: Path) -> None:
    grid = sampled(single)
    assert grid.shape == (3 * 16, 3 * 16, 3)
    assert len({tuple(grid[r * 16, c * 16]) for r in range(3) for c in range(3)}) == 9


def test_classes_are_rows_of_the_same_latents(single: Path) -> None:
    grid = sampled(single, "networks.classes=[cat, dog]")
    assert grid.shape == (2 * 16, 3 * 16, 3)
    levels = grid[::16, ::16].astype(float) / 127.5 - 1
    assert np.allclose(levels[1], levels[0] / 2, atol=0.01)
    assert len({tuple(colour) for colour in grid[0, ::16]}) == 3


def test_of_many_classes_a_few_are_shown(single: Path) -> None:
    names = ", ".join(f"c{i}" for i in range(100))
    grid = sampled(single, f"networks.classes=[{names}]")
    assert grid.shape == (8 * 16, 3 * 16, 3)


class Tinted(nn.Module):
    """The input, its brightness shifted by the latent."""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return (x * 0.5 + 0.2 * z.mean(1)[:, None, None, None]).clamp(-1, 1)


def test_a_generator_of_many_outputs_shows_a_column_for_each_of_a_few_latents(paired: Path) -> None:
    settings = ["networks.latent={dimension: 2, enter: maps}", "produce=[b]", "objective={adversarial: {}}"]
    grid = grids(paired, *settings, network=Tinted())["a2b"]
    assert grid.shape == (4 * 16, (1 + 4 + 1) * 16, 3)
    columns = np.split(grid.astype(float), 6, axis=1)
    assert np.array_equal(columns[0], np.concatenate(pixels(paired / "testA")))
    assert np.array_equal(columns[5], np.concatenate(pixels(paired / "testB")))
    shifts = [column - columns[1] for column in columns[2:5]]
    assert len({shift.tobytes() for shift in shifts}) == 3  # each column is of another latent,
    assert all(np.ptp(np.median(shift.reshape(4, -1), axis=1)) <= 1 for shift in shifts)  # the same in every row
    assert np.array_equal(grid, grids(paired, *settings, network=Tinted())["a2b"])


def test_of_frames_the_last_is_shown(tmp_path: Path, paired: Path) -> None:
    for name in ("trainA", "testA"):
        (tmp_path / name).mkdir()
        for path in sorted((paired / name).iterdir()):
            newest = images.decode(path, 3)
            images.save(np.concatenate([newest // 4, newest // 2, newest], axis=1), tmp_path / name / path.name)
    for name in ("trainB", "testB", "pairs.csv"):
        (tmp_path / name).symlink_to(paired / name)

    class Oldest(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[1] == 9
            return x[:, :3]

    grid = grids(tmp_path, "produce=[b]", "data.frames.a=3", "objective={adversarial: {}}", network=Oldest())["a2b"]
    newest, oldest, _ = np.split(grid, 3, axis=1)
    assert np.array_equal(newest, np.concatenate(pixels(paired / "testA")))
    assert np.array_equal(oldest, newest // 4)
