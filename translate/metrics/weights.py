"""Published weights: where they lie, whether they are what they claim to be, and how they are had."""

from __future__ import annotations

import hashlib
import pickle
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from translate.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

TIMEOUT = 20.0
"""Seconds without an answer after which a download has failed."""


@dataclass(frozen=True)
class Published:
    """A file of weights: what for, its address and size, how its SHA-256 begins (None: nobody says), the names that it
    has in torch's hub cache, the first being ours, and further places where other programs keep it."""

    title: str
    url: str
    megabytes: int
    sha256: str | None
    names: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()

    def find(self, given: Path | None = None, download: bool = False) -> Path:
        """The file: `given` itself, or of its usual name in the folder `given`; else from the caches; else, only if
        `download`, from its address into torch's hub cache.

        Raises UserError when it can't be had, and when a file is not the published one: a score under a metric's name
        must not come from other weights.
        """
        path = self._given(given) if given else self._cached()
        if path is None and download:
            path = self._downloaded()
        if path is None:
            raise UserError(
                f"the weights of {self.title} are not here",
                expected=f"{self.names[0]} in {_cache()}, or elsewhere with --weights FILE",
                hint=f"--metrics with its name downloads {self.megabytes} MB",
            )
        if self.sha256 and not (found := digest(path)).startswith(self.sha256):
            raise UserError(
                f"these are not the published weights of {self.title}",
                where=str(path),
                expected=f"a file whose SHA-256 begins with {self.sha256[:8]}, not {found[:8]}",
                hint=f"fetch {self.url}",
            )
        return path

    def _given(self, given: Path) -> Path:
        if given.is_file():
            return given
        for name in self.names:
            if (given / name).is_file():
                return given / name
        raise UserError(
            f"the weights of {self.title} are not here" if given.is_dir() else "there is no such file",
            where=str(given),
            expected=f"a file of weights, or a folder that holds {self.names[0]}",
            hint=f"fetch {self.url}",
        )

    def _cached(self) -> Path | None:
        places = [*(_cache() / name for name in self.names), *(Path(place).expanduser() for place in self.elsewhere)]
        return next((place for place in places if place.is_file()), None)

    def _downloaded(self) -> Path:
        from torch.hub import download_url_to_file

        path = _cache() / self.names[0]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _timeout(TIMEOUT):
                download_url_to_file(self.url, str(path), self.sha256, progress=sys.stderr.isatty())
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"the weights of {self.title} could not be downloaded from {self.url}: {error}",
                hint=f"fetch them on another machine ({self.megabytes} MB), then --weights FILE",
            ) from error
        return path


PUBLISHED: dict[str, Published] = {
    "inception": Published(
        "Inception",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        96,
        "6726825d",
        # The same file by the names of torch-fidelity and of pytorch-fid.
        ("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"),
    ),
    "clip": Published(
        "CLIP",
        "https://openaipublic.azureedge.net/clip/models/"
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
        354,
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        ("clip-vit-b-32-40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af.pt", "ViT-B-32.pt"),
        ("~/.cache/clip/ViT-B-32.pt",),
    ),
    "dino": Published(
        "DINOv2",
        "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
        88,
        None,
        ("dinov2_vits14_pretrain.pth",),
    ),
    "alexnet": Published(
        "AlexNet",
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        244,
        "7be5be79",
        ("alexnet-owt-7be5be79.pth",),
    ),
}
"""By the name of the extractor, or of the network that a metric of pairs needs."""


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name. Raises UserError for anything that is not tensors alone: code in it never runs."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UserError(
            f"this is no file of weights: {str(error).splitlines()[0] if str(error) else 'it is empty'}",
            where=str(path),
            expected="a state dict of tensors, as torch.save writes it",
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError("this is no file of weights", where=str(path), expected="a state dict: names and tensors")
    return dict(state)


def _cache() -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
