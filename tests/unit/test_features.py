"""Extractors with stand-ins for published weights, and where weights are looked for."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional as F

from translate.errors import UserError
from translate.metrics import weights
from translate.metrics.dino import Dino
from translate.metrics.features import EXTRACTORS, Extractor, Features, load
from translate.metrics.network import resized

Pixels = NDArray[np.uint8]


def noise(count: int, size: int, channels: int = 3, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels)).astype(np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a home without others."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "torch" / "hub" / "checkpoints"


def publish(name: str, path: Path, patch: pytest.MonkeyPatch) -> None:
    """Take a file for the published one."""
    known = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    patch.setitem(weights.PUBLISHED, name, replace(weights.PUBLISHED[name], sha256=known))


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the published layout."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    with mock.patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        network = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path=str(path))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)  # so that signals get through
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def inception(inception_file: Path, monkeypatch: pytest.MonkeyPatch) -> Extractor:
    publish("inception", inception_file, monkeypatch)
    return load("inception", inception_file)


def test_inception_reads_what_torch_fidelity_reads(inception: Extractor, inception_file: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    images = noise(2, 299)  # of the network's size, so that neither resizes
    theirs = FeatureExtractorInceptionV3(
        "x", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(inception_file)
    )
    features, logits = theirs(torch.from_numpy(images).movedim(-1, 1))
    found = inception(images)
    assert found.features.shape == (2, 2048)
    assert found.features.dtype == np.float32
    assert features.std() > 0.01
    np.testing.assert_allclose(found.features, features, rtol=1e-3, atol=1e-5)
    assert found.logits is not None
    np.testing.assert_allclose(found.logits, logits, rtol=1e-3, atol=1e-4)
    assert inception.protocol() == {
        "network": "inception-v3-compat",
        "input": [299, 299],
        "resize": "pillow-bicubic, floating point, antialiased",
        "weights_sha256": hashlib.sha256(inception_file.read_bytes()).hexdigest(),
    }


def test_neighbours_in_a_batch_and_repeated_grey_change_nothing(
    inception: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = noise(3, 40, channels=1)
    together = inception(images)
    monkeypatch.setattr("translate.metrics.network.BATCH", 2)
    apart = inception(images.repeat(3, axis=3))
    np.testing.assert_allclose(apart.features, together.features, rtol=1e-3, atol=1e-5)
    assert np.abs(together.features[0] - together.features[1]).max() > 0.05 * together.features.max()
    with pytest.raises(UserError, match="grey or RGB"):
        inception(images.repeat(2, axis=3))
    with pytest.raises(UserError, match="no images"):
        inception(images[:0])


def test_resizing_does_not_alias_and_does_not_round() -> None:
    fine = np.indices((512, 512)).sum(axis=0)[..., None] % 2 * 255  # every second pixel would be a flat 0 or 255
    inside = resized(fine.astype(np.uint8), 64)[4:-4, 4:-4]
    assert np.abs(inside - 127.5).max() < 2
    ramp = np.arange(64, dtype=np.uint8)[:, None, None].repeat(64, axis=1)
    large = resized(ramp, 299)
    assert len(np.unique(large)) > 200
    assert 0 <= large.min() <= large.max() <= 63.5
    edge = resized(np.array([[[0]], [[255]]], np.uint8).repeat(2, axis=1), 40)
    assert (edge.min(), edge.max()) == (0, 255)  # bicubic overshoots
    image = noise(1, 50)[0]
    assert np.array_equal(resized(image, 50), image)
    expected = Image.fromarray(image[..., 1].astype(np.float32)).resize((33, 33), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(resized(image, 33)[..., 1], np.asarray(expected).clip(0, 255))


class Visual(nn.Module):
    """The parts of a CLIP archive that are looked at, two blocks deep."""

    def __init__(self) -> None:
        from torch_fidelity.feature_extractor_clip import CLIPVisual

        super().__init__()
        self.visual = CLIPVisual(16, 224, 2, 64, 56).visual
        self.text_projection = nn.Parameter(torch.randn(8, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x  # never called: an archive is read for its tensors


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")  # that tracing is deprecated
def test_clip_from_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network, path = Visual().eval(), tmp_path / "clip.pt"
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half().float())  # as it is published
    torch.jit.trace(network, torch.zeros(1, 3, 224, 224), check_trace=False).save(str(path))
    with pytest.raises(UserError, match="not the published"):  # it would run as code, so nobody else's is opened
        load("clip", path)
    publish("clip", path, monkeypatch)
    images = noise(2, 224)
    normal = (images / 255 - [0.48145466, 0.4578275, 0.40821073]) / [0.26862954, 0.26130258, 0.27577711]
    with torch.inference_mode():
        expected = network.visual(torch.from_numpy(normal).float().movedim(-1, 1))
    found = load("clip", path)(images)
    assert expected.std() > 0.1
    np.testing.assert_allclose(found.features, expected, atol=1e-4)
    assert found.logits is None


def dino_weights(width: int = 64, depth: int = 2, side: int = 37) -> dict[str, torch.Tensor]:
    """Random weights under the authors' names."""
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int, scale: float = 0.1) -> torch.Tensor:
        return scale * torch.randn(*shape, generator=random)

    def linear(name: str, out: int, *into: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": draw(out, *into), f"{name}.bias": draw(out)}

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": 1 + draw(width), f"{name}.bias": draw(width)}

    state = {"cls_token": draw(1, 1, width), "pos_embed": draw(1, 1 + side**2, width), "mask_token": draw(1, width)}
    state |= linear("patch_embed.proj", width, 3, 14, 14) | norm("norm")
    for block in (f"blocks.{i}" for i in range(depth)):
        state |= norm(f"{block}.norm1") | norm(f"{block}.norm2")
        state |= linear(f"{block}.attn.qkv", 3 * width, width) | linear(f"{block}.attn.proj", width, width)
        state |= linear(f"{block}.mlp.fc1", 4 * width, width) | linear(f"{block}.mlp.fc2", width, 4 * width)
        state |= {f"{block}.ls1.gamma": draw(width, scale=1), f"{block}.ls2.gamma": draw(width, scale=1)}
    return state


def dino_by_hand(x: torch.Tensor, state: dict[str, torch.Tensor], heads: int) -> torch.Tensor:
    """Oquab et al. 2023: a vision transformer (Dosovitskiy et al. 2021) whose branches are scaled (LayerScale)."""
    width = state["cls_token"].shape[2]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, [width], state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    grid = F.conv2d(x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14)
    places = state["pos_embed"][:, 1:].reshape(1, 37, 37, width).permute(0, 3, 1, 2)
    places = F.interpolate(places, scale_factor=(16.1 / 37, 16.1 / 37), mode="bicubic")
    tokens = (grid + places).permute(0, 2, 3, 1).reshape(len(x), 256, width)
    x = torch.cat([(state["cls_token"] + state["pos_embed"][:, :1]).expand(len(x), 1, width), tokens], dim=1)
    for block in (f"blocks.{i}" for i in range(2)):
        q, k, v = linear(norm(x, f"{block}.norm1"), f"{block}.attn.qkv").chunk(3, dim=2)
        outputs = []
        for head in range(heads):
            part = slice(head * width // heads, (head + 1) * width // heads)
            attention = (q[..., part] @ k[..., part].mT / (width // heads) ** 0.5).softmax(dim=-1)
            outputs.append(attention @ v[..., part])
        x = x + state[f"{block}.ls1.gamma"] * linear(torch.cat(outputs, dim=2), f"{block}.attn.proj")
        hidden = F.gelu(linear(norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
        x = x + state[f"{block}.ls2.gamma"] * linear(hidden, f"{block}.mlp.fc2")
    return norm(x, "norm")[:, 0]


def test_dino_against_a_transcription(tmp_path: Path) -> None:
    state, path = dino_weights(128), tmp_path / "dino.pth"
    torch.save(state, path)
    images = noise(2, 224)
    normal = (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = dino_by_hand(torch.from_numpy(normal).float().movedim(-1, 1), state, heads=2)
    assert expected.std() > 0.1
    extractor = load("dino", path)
    np.testing.assert_allclose(extractor(images).features, expected, atol=1e-4)
    assert extractor.protocol()["network"] == "dinov2-vit-128x2-14"
    assert Dino.network == "dinov2-vit-s-14"


@pytest.mark.parametrize("name", EXTRACTORS)
def test_missing_weights_are_named_and_nothing_is_fetched_unasked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.hub.download_url_to_file", mock.Mock(side_effect=AssertionError))
    with pytest.raises(UserError) as raised:
        load(name)
    published = weights.PUBLISHED[name]
    assert raised.value.what == f"the weights of {published.title} are not here"
    assert str(published.megabytes) in (raised.value.hint or "")
    assert "--weights FILE" in (raised.value.expected or "")


def small(tmp_path: Path, sha256: str | None = None) -> weights.Published:
    source = tmp_path / "source.pth"
    source.write_bytes(b"numbers")
    return weights.Published("Small", source.as_uri(), 1, sha256, ("ours.pth", "theirs.pth"), ("~/elsewhere.pth",))


def test_where_weights_are_looked_for(tmp_path: Path, cache: Path) -> None:
    published = small(tmp_path)
    with pytest.raises(UserError, match="are not here"):
        published.find()
    for place in (tmp_path / "elsewhere.pth", cache / "theirs.pth", cache / "ours.pth"):  # later ones come first
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"numbers")
        assert published.find() == place
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(UserError, match="are not here"):
        published.find(folder)  # what was given counts, not the cache
    (folder / "theirs.pth").touch()
    assert published.find(folder) == folder / "theirs.pth"
    assert published.find(tmp_path / "source.pth") == tmp_path / "source.pth"
    with pytest.raises(UserError, match="no such file"):
        published.find(tmp_path / "absent.pth")


def test_weights_are_fetched_when_asked_and_checked(tmp_path: Path, cache: Path) -> None:
    good = hashlib.sha256(b"numbers").hexdigest()
    for known in (good, good[:8]):
        assert small(tmp_path, known).find(download=True).read_bytes() == b"numbers"
        (cache / "ours.pth").unlink()
    with pytest.raises(UserError, match="could not be downloaded"):
        small(tmp_path, "0" * 8).find(download=True)
    assert list(cache.iterdir()) == []
    (cache / "ours.pth").write_bytes(b"half of the num")
    with pytest.raises(UserError, match="not the published"):
        small(tmp_path, good).find(download=True)


def test_a_download_that_fails_says_so(tmp_path: Path) -> None:
    nobody = replace(small(tmp_path), url="http://127.0.0.1:9/weights.pth")
    with pytest.raises(UserError, match=r"could not be downloaded from http://127") as raised:
        nobody.find(download=True)
    assert "--weights FILE" in (raised.value.hint or "")


class Code:
    """What a pickle runs when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_weights_that_would_run_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    torch.save({"fc.weight": Code(trace)}, path)
    for name in ("inception", "dino"):
        publish(name, path, monkeypatch)
        with pytest.raises(UserError, match="no file of weights"):
            load(name, path)
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"not a file of weights", b"PK\x03\x04 cut off"])
def test_broken_weights_are_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    for name in EXTRACTORS:
        publish(name, path, monkeypatch)
        with pytest.raises(UserError, match=r"no (file of )?weights"):
            load(name, path)


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(3)}, path)
    for name in ("inception", "dino"):
        publish(name, path, monkeypatch)
        with pytest.raises(UserError, match="no weights of"):
            load(name, path)


class Means:
    """Somebody's own extractor."""

    name = "means"

    def __init__(self, given: Path | None, device: str, download: bool) -> None:
        self.given = given

    def protocol(self) -> dict[str, Any]:
        return {"network": "none"}

    def __call__(self, images: Pixels) -> Features:
        return Features(images.mean(axis=(1, 2), dtype=np.float32))


def test_an_extractor_of_ones_own(tmp_path: Path) -> None:
    extractor = load(f"{__name__}:Means", tmp_path)
    assert extractor(noise(4, 8)).features.shape == (4, 3)
    for name in ("inceptoin", "no_such_module:Means", f"{__name__}:Meens", ":"):
        with pytest.raises(UserError, match=r"extractor"):
            load(name)
    with pytest.raises(UserError, match='Did you mean "inception"'):
        load("inceptoin")


def test_features_have_a_length_and_parts() -> None:
    numbers = np.arange(12, dtype=np.float32)
    one = Features(numbers.reshape(6, 2), numbers.reshape(6, 2) + 1)
    assert len(one) == 6
    for rows in (slice(1, 3), np.array([1, 2]), [1, 2], np.arange(6) % 5 % 3 == 1):
        part = one[rows]
        assert part.logits is not None
        assert len(part) == 2
        assert np.array_equal(part.logits, part.features + 1)
    whole = Features.concatenated([one[:2], one[2:]])
    assert np.array_equal(whole.features, one.features)
    assert whole.logits is not None
    assert np.array_equal(whole.logits, one.logits)
    assert Features.concatenated([one, Features(one.features)]).logits is None
