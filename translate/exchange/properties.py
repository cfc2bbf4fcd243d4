"""What somebody must know who calls an exported graph without this program."""

from __future__ import annotations

import json
from typing import Any

from translate import build
from translate.exchange.described import LICENCE
from translate.exchange.graph import Signature
from translate.exchange.taken import Taken
from translate.inference import memory
from translate.inference.model import Model


def of(taken: Taken, takes: Signature, least: int) -> dict[str, Any]:
    """Plain values by name: domains, values, channels, sizes (height, width), the run's step, versions, licence.

    `least`: strides that height and width must be long. `bytes_per_pixel`: what PyTorch holds at most at once, for
    each pixel of an image, so that who applies the file knows what memory holds.
    """
    config, (to,) = taken.config, taken.config.produce
    model = Model.of(taken)
    found = {
        "from": "noise" if config.unconditional else str(to.other),
        "to": str(to),
        "inputs": ", ".join(takes.inputs),
        "layout": "float32 [N, C, H, W], RGB or grey",
        "value_range": "-1 to 1",
        "channels_out": build.channels_of(config, to),
        "training_size": json.dumps(list(config.data.size)),
        "latent": takes.prior.dimension if takes.prior else 0,
        "classes": json.dumps(list(model.classes)),
        "step": taken.about.get("step", 0),
        "versions": json.dumps(taken.about.get("versions", {})),
        "licence": taken.about.get("licence", LICENCE),
    }
    if "image" not in takes.inputs:
        return {**found, "stride": 1, "bytes_per_pixel": 0}
    return {
        **found,
        "channels_in": takes.channels,
        "stride": takes.stride,
        "smallest": json.dumps([max(side, least * takes.stride) for side in model.smallest]),
        "bytes_per_pixel": memory.bytes_per_pixel(model, to),
    }
