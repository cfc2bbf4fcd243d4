"""What is translated: two domains, a batch of both, and the name of the regime that the data allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Domain(StrEnum):
    """One of the two kinds of image; networks are indexed by the domain that they produce or judge."""

    A = "a"
    B = "b"

    @property
    def other(self) -> Domain:
        """The domain on the far side of the translation."""
        return Domain.B if self is Domain.A else Domain.A


@dataclass(frozen=True)
class Batch:
    """Images [N, C, H, W] in [-1, 1]; the first `paired` rows of A and B show the same scene.

    `labels`: the classes of B's rows, int64 [N], where images have classes.
    """

    images: dict[Domain, Tensor]
    paired: int
    labels: Tensor | None = None

    def __len__(self) -> int:
        return max(len(images) for images in self.images.values())

    def to(self, device: torch.device, non_blocking: bool = True) -> Batch:
        """The same batch on `device`."""
        labels = None if self.labels is None else self.labels.to(device, non_blocking=non_blocking)
        return Batch({d: t.to(device, non_blocking=non_blocking) for d, t in self.images.items()}, self.paired, labels)

    def split(self, parts: int) -> Iterator[Batch]:
        """`parts` batches of near equal length, paired rows spread over them so that each keeps them in front."""
        for part in range(parts):
            images = {domain: self._part(rows, part, parts) for domain, rows in self.images.items()}
            labels = None if self.labels is None else self._part(self.labels, part, parts)
            paired = _share(self.paired, part, parts)
            yield Batch(images, paired.stop - paired.start, labels)

    def _part(self, rows: Tensor, part: int, parts: int) -> Tensor:
        head = rows[_share(self.paired, part, parts)]
        free = len(rows) - self.paired
        # Cut from the back, so that the remainders of the two don't meet in one part and leave another empty.
        mirrored = _share(free, parts - 1 - part, parts)
        tail = rows[self.paired :][free - mirrored.stop : free - mirrored.start]
        return head if len(tail) == 0 else tail if len(head) == 0 else _cat(head, tail)


def _share(count: int, part: int, parts: int) -> slice:
    return slice(count * part // parts, count * (part + 1) // parts)


def _cat(head: Tensor, tail: Tensor) -> Tensor:
    import torch

    return torch.cat([head, tail])


class Regime(StrEnum):
    """The label for what the data allows; it is printed and planned from, and no training code branches on it."""

    SUPERVISED = "supervised"
    SEMI_SUPERVISED = "semi-supervised"
    UNSUPERVISED = "unsupervised"
    UNCONDITIONAL = "unconditional"


def regime_of(pairs: int, only_a: int, only_b: int) -> Regime:
    """The regime that follows from counts: whole pairs, unpaired images of A, unpaired images of B."""
    if pairs and (only_a or only_b):
        return Regime.SEMI_SUPERVISED
    if pairs:
        return Regime.SUPERVISED
    if only_a and only_b:
        return Regime.UNSUPERVISED
    return Regime.UNCONDITIONAL
