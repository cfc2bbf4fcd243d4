"""The perceptual term: the same activations as torchvision's network, and no weights, no run."""

from pathlib import Path

import pytest
import torch

from translate.errors import UserError
from translate.terms.perceptual import Perceptual


@pytest.mark.parametrize(("network", "layers"), [("vgg16", (1, 6, 11, 18, 25)), ("vgg19", (1, 6, 11, 20, 29))])
def test_activations_are_those_of_torchvision(network: str, layers: tuple[int, ...], tmp_path: Path) -> None:
    from torchvision.models.vgg import cfgs, make_layers

    narrow = [width if width == "M" else width // 32 for width in cfgs[{"vgg16": "D", "vgg19": "E"}[network]]]
    torch.manual_seed(0)
    theirs = make_layers(narrow).eval()
    path = tmp_path / f"{network}.pth"
    torch.save({f"features.{name}": value for name, value in theirs.state_dict().items()}, path)
    ours = Perceptual(network=network, weights=str(path))  # type: ignore[arg-type]
    images = torch.rand(2, 3, 32, 48)
    x = (images - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    expected = []
    for index, layer in enumerate(theirs):
        x = layer(x)
        if index in layers:
            expected.append(x.clone())
    for mine, other in zip(ours.features(images * 2 - 1), expected, strict=True):
        torch.testing.assert_close(mine, other)
    grey = images[:, :1] * 2 - 1
    torch.testing.assert_close(ours.features(grey)[-1], ours.features(grey.expand(-1, 3, -1, -1))[-1])
    frames = torch.cat([images, images.flip(0)], dim=1) * 2 - 1  # each frame is a picture of its own
    torch.testing.assert_close(ours.features(frames)[-1][::2], ours.features(images * 2 - 1)[-1])
    assert not list(ours.parameters())
    assert not ours.state_dict(), "checkpoints must not repeat the published weights"


def test_without_weights_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError) as error:
        Perceptual()
    assert str(tmp_path / "checkpoints") in str(error.value)
    assert "vgg19" in str(error.value)
    with pytest.raises(UserError, match=r"nowhere\.pth"):
        Perceptual(weights="nowhere.pth")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(1)}, other)
    with pytest.raises(UserError, match=r"features\.0\.weight"):
        Perceptual(weights=str(other))
    other.write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="can't be read"):
        Perceptual(weights=str(other))
