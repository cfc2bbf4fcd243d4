"""CLIP's image encoder: features of what a picture shows rather than of ImageNet's classes."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from translate.extras import require
from translate.metrics.network import Network


class Clip(Network):
    """512 features of ViT-B/32 (Radford et al. 2021), as Kynkäänniemi et al. 2023 take for FID; torch-fidelity's
    network."""

    name = "clip"
    network = "clip-vit-b-32"
    size = 224
    mean = (255 * 0.48145466, 255 * 0.4578275, 255 * 0.40821073)
    deviation = (255 * 0.26862954, 255 * 0.26130258, 255 * 0.27577711)

    def load(self, path: Path) -> nn.Module:
        require("torch_fidelity", "metrics")
        from torch_fidelity.feature_extractor_clip import build_model

        # An archive of code: opened only because it is OpenAI's own to the last bit, which `Published.find` checks.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            state = torch.jit.load(str(path), map_location="cpu").state_dict()
        encoder: nn.Module = build_model(state, torch.float32).visual
        return encoder
