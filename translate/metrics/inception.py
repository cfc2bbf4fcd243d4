"""Inception-v3 of 2015, whose features FID, KID and the Inception Score are defined on."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn

from translate.extras import require
from translate.metrics import weights
from translate.metrics.network import Network


class Inception(Network):
    """2,048 features of the last pooling and 1,008 logits without bias; torch-fidelity's network, which reproduces that
    of TensorFlow (Szegedy et al. 2016; Heusel et al. 2017)."""

    name = "inception"
    network = "inception-v3-compat"
    size = 299
    mean = (128.0, 128.0, 128.0)
    deviation = (128.0, 128.0, 128.0)

    def load(self, path: Path) -> nn.Module:
        require("torch_fidelity", "metrics")
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        # It would run code that a file holds: it gets the tensors alone, written again.
        tensors = BytesIO()
        torch.save(weights.state_dict(path), tensors)
        tensors.seek(0)
        made: nn.Module = FeatureExtractorInceptionV3(
            self.network, ["2048", "logits_unbiased"], feature_extractor_weights_path=tensors
        )
        # Called as a whole it takes whole grey levels only and resizes without a filter; its layers follow one another.
        *layers, classes = made.children()
        assert isinstance(classes, nn.Linear)
        self._classes = classes.weight.to(self._device)
        return nn.Sequential(*layers, nn.Flatten())

    def read(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        features = self._network(images)
        return features, features @ self._classes.T
