"""DINOv2's image encoder: features learnt without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import VisionTransformer

from translate.metrics import weights
from translate.metrics.network import Network

PATCH = 14


class Dino(Network):
    """The class token of DINOv2 (Oquab et al. 2023): Stein et al. 2023, "Exposing flaws of generative model evaluation
    metrics", find such features nearest to what people see. ViT-S/14 by default, ViT-B/14 or ViT-L/14 if the file given
    holds that: the protocol says which."""

    name = "dino"
    network = "dinov2-vit-s-14"
    size = 224
    mean = (255 * 0.485, 255 * 0.456, 255 * 0.406)
    deviation = (255 * 0.229, 255 * 0.224, 255 * 0.225)

    def load(self, path: Path) -> nn.Module:
        state = weights.state_dict(path)
        width, depth = state["cls_token"].shape[2], sum(name.endswith(".ls1.gamma") for name in state)
        self.network = f"dinov2-vit-{ {384: 's', 768: 'b', 1024: 'l'}.get(width, f'{width}x{depth}') }-{PATCH}"
        model = VisionTransformer(
            self.size, PATCH, depth, width // 64, width, state["blocks.0.mlp.fc1.weight"].shape[0], num_classes=1
        )
        model.heads = nn.Identity()
        model.load_state_dict(translated(state, self.size // PATCH, depth))
        return model


def translated(state: dict[str, Tensor], patches: int, depth: int) -> dict[str, Tensor]:
    """DINOv2's weights under torchvision's names. What a block scales its branches by is folded into the linear layer
    in front of it, and the positions are interpolated to `patches` x `patches` as the authors do."""
    found: dict[str, Any] = {
        "class_token": state["cls_token"],
        "encoder.pos_embedding": _positions(state["pos_embed"], patches),
    }

    def take(ours: str, theirs: str, scale: Tensor | None = None) -> None:
        weight, bias = state[f"{theirs}.weight"], state[f"{theirs}.bias"]
        found[f"{ours}.weight"] = weight if scale is None else scale[:, None] * weight
        found[f"{ours}.bias"] = bias if scale is None else scale * bias

    take("conv_proj", "patch_embed.proj")
    take("encoder.ln", "norm")
    for index in range(depth):
        ours, theirs = f"encoder.layers.encoder_layer_{index}", f"blocks.{index}"
        take(f"{ours}.ln_1", f"{theirs}.norm1")
        found[f"{ours}.self_attention.in_proj_weight"] = state[f"{theirs}.attn.qkv.weight"]
        found[f"{ours}.self_attention.in_proj_bias"] = state[f"{theirs}.attn.qkv.bias"]
        take(f"{ours}.self_attention.out_proj", f"{theirs}.attn.proj", state[f"{theirs}.ls1.gamma"])
        take(f"{ours}.ln_2", f"{theirs}.norm2")
        take(f"{ours}.mlp.0", f"{theirs}.mlp.fc1")
        take(f"{ours}.mlp.3", f"{theirs}.mlp.fc2", state[f"{theirs}.ls2.gamma"])
    return found


def _positions(embedding: Tensor, patches: int) -> Tensor:
    """[1, 1 + M * M, D] as [1, 1 + patches^2, D]."""
    side = round((embedding.shape[1] - 1) ** 0.5)
    if side == patches:
        return embedding
    grid = embedding[:, 1:].reshape(1, side, side, -1).movedim(-1, 1)
    factor = (patches + 0.1) / side  # the offset that the weights were trained with
    grid = F.interpolate(grid, scale_factor=factor, mode="bicubic")
    return torch.cat([embedding[:, :1], grid.flatten(2).movedim(1, -1)], dim=1)
