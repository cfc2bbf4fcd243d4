"""One set of images as metrics of sets need it: read once, a batch at a time, whatever looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from translate.data.images import Pixels
from translate.evaluation.reading import BATCH, spread
from translate.metrics.swd import LARGEST

if TYPE_CHECKING:
    from translate.metrics.features import Extractor, Features


class Gathered:
    """Of `count` images at most: the features of each, and LARGEST of the images themselves, evenly spaced; so memory
    grows with the features alone."""

    def __init__(self, count: int, extractors: Mapping[str, Extractor]) -> None:
        self._kept = set(spread(count, LARGEST))
        self._extractors = extractors
        self._waiting: list[Pixels] = []
        self._features: dict[str, list[Features]] = {name: [] for name in extractors}
        self._images: list[Pixels] = []
        self.count = 0

    def extend(self, images: Iterable[Pixels]) -> None:
        """Take in images uint8 [H, W, C] of one size."""
        for image in images:
            if self.count in self._kept:
                self._images.append(image)
            self.count += 1
            if self._extractors:
                self._waiting.append(image)
                if len(self._waiting) == BATCH:
                    self._extract()

    @property
    def images(self) -> Pixels:
        """[N, H, W, C], N at most LARGEST."""
        return np.stack(self._images)

    def features(self, name: str) -> Features:
        """Of all images, by the extractor of that name."""
        from translate.metrics.features import Features

        self._extract()
        return Features.concatenated(self._features[name])

    def _extract(self) -> None:
        if self._waiting:
            batch = np.stack(self._waiting)
            for name, extractor in self._extractors.items():
                self._features[name].append(extractor(batch))
            self._waiting = []
