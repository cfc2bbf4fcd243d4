"""Files that hold no published generator are named for what they are, and run nothing."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from translate.errors import UserError
from translate.exchange.importing import imported

CONVOLUTION = nn.Conv2d(3, 8, 4)


class Harm:
    """What makes a file when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("former", [False, True])
def test_a_malicious_pickle_runs_nothing(former: bool, tmp_path: Path) -> None:
    path, harm = tmp_path / "latest_net_G.pth", tmp_path / "harm"
    torch.save({"model.1.weight": Harm(harm)}, path, _use_new_zipfile_serialization=not former)
    with pytest.raises(UserError, match=r"(?s)mkdir.*nothing of it was run.*state_dict"):
        imported(path)
    assert not harm.exists()


def test_a_bare_malicious_pickle_runs_nothing(tmp_path: Path) -> None:
    path, harm = tmp_path / "latest_net_G.pth", tmp_path / "harm"
    path.write_bytes(pickle.dumps(Harm(harm), protocol=2))
    with pytest.raises(UserError, match=r"latest_net_G\.pth"):
        imported(path)
    assert not harm.exists()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (nn.Sequential(CONVOLUTION), r"torch\.nn\.modules\.container\.Sequential.*no whole pickled model.*state_dict"),
        ({"model.0.weight": CONVOLUTION.weight.data}, r"discriminator \(PatchGAN\)"),
        ({"net.0.weight": torch.zeros(4, 3, 1, 1)}, r"discriminator \(PixelGAN\)"),
        ({"mlp_0.0.weight": torch.zeros(4, 3)}, "projection heads"),
        ({"layer.weight": torch.zeros(4, 3)}, r"its keys are layer\.weight.*ResNet or U-Net"),
        (torch.optim.Adam([CONVOLUTION.weight]).state_dict(), "optimiser"),
        ({"generator_ema": {}, "step": 3}, "checkpoint of this program.*translate apply"),
        ({"netG": {"a": torch.zeros(1)}, "netD": {"a": torch.zeros(1)}}, r"several networks \(netG, netD\)"),
        (torch.zeros(3), "a single tensor"),
        ([torch.zeros(3)], "a list"),
        ({}, "no tensors under names"),
    ],
)
def test_what_is_no_generator_is_named(held: object, said: str, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "g.pth")
    with pytest.raises(UserError, match=f"(?s){said}"):
        imported(tmp_path / "g.pth")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"epoch: 200\nlambda: 10\n", "a text file"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
        (b"PK\x03\x04" + bytes(60), "half a file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "a picture"),
        (pickle.dumps({"a": print}), r"torch\.save did not write"),
        (pickle.dumps({"a": print}, protocol=2), r"torch\.save did not write"),
        (bytes(range(256)), "damaged, or no PyTorch checkpoint|can't be read"),
    ],
)
def test_what_is_no_checkpoint_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "g.pth").write_bytes(content)
    with pytest.raises(UserError, match=said):
        imported(tmp_path / "g.pth")


def test_archives_are_told_apart(tmp_path: Path) -> None:
    for name, inside, said in (
        ("script.pt", ["g/data.pkl", "g/constants.pkl", "g/code/a.py"], "TorchScript"),
        ("program.pt2", ["g/archive_format", "g/models/model.json"], r"torch\.export"),
        ("photos.zip", ["photos/1.png"], "ZIP archive"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for entry in inside:
                archive.writestr(entry, b"x")
        with pytest.raises(UserError, match=said):
            imported(tmp_path / name)


def test_a_script_is_what_torch_calls_so(tmp_path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and still what lies on people's disks
        torch.jit.script(nn.ReLU()).save(tmp_path / "g.pt")
    with pytest.raises(UserError, match="TorchScript"):
        imported(tmp_path / "g.pt")


def test_half_a_file_is_named(tmp_path: Path) -> None:
    torch.save({"model.1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "g.pth")
    whole = (tmp_path / "g.pth").read_bytes()
    (tmp_path / "g.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="half a file"):
        imported(tmp_path / "g.pth")


def test_folders_and_missing_files_say_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        imported(tmp_path / "g.pth")
    (tmp_path / "latest_net_G_A.pth").touch()
    with pytest.raises(UserError, match=r"(?s)is a folder.*latest_net_G_A\.pth"):
        imported(tmp_path)
    (tmp_path / "config.yaml").touch()
    with pytest.raises(UserError, match="needs no import"):
        imported(tmp_path)


def test_weights_alone_in_safetensors_are_read_by_their_keys(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({"model.0.weight": CONVOLUTION.weight.data}, tmp_path / "d.safetensors")
    with pytest.raises(UserError, match="discriminator"):
        imported(tmp_path / "d.safetensors")
    (tmp_path / "d.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="can't be read"):
        imported(tmp_path / "d.safetensors")
