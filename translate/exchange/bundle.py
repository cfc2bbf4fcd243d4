"""The folder that a hub keeps of a run: weights, configuration, model card, and a picture only where one is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from translate import log
from translate.errors import UserError
from translate.exchange import card, safe
from translate.exchange.taken import Taken
from translate.keeping import durable

if TYPE_CHECKING:
    from PIL.Image import Image

WEIGHTS = "model.safetensors"
CARD = "README.md"
GRID = "grid.png"


def write(
    taken: Taken,
    folder: Path,
    name: str,
    *,
    about: str | None = None,
    licence: str | None = None,
    scores: Mapping[str, Any] | None = None,
    grid: Path | None = None,
) -> list[Path]:
    """Fill the new folder `folder` with what NAMESPACE/NAME is to hold (see `card.text`); the files."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError("is there already, and nothing is overwritten", where=str(folder), expected="a new folder")
    pixels = None if grid is None else _picture(grid)
    folder.mkdir(parents=True, exist_ok=True)
    if licence:
        taken = Taken(taken.config, taken.state, {**taken.about, "licence": licence})
    if pixels is not None:
        pixels.save(folder / GRID)
    safe.write(taken, folder / WEIGHTS, folder / safe.ON_A_HUB)
    words = card.text(taken, name, about=about, licence=licence, scores=scores, grid=grid is not None)
    durable.write(folder / CARD, words.encode())
    return sorted(folder.iterdir())


def scores_in(path: Path, step: int) -> dict[str, Any]:
    """What `translate evaluate --json` wrote of the weights of `step`; UserError for anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(found.get(key), dict) for key in ("metrics", "protocol")):
        raise UserError("holds no scores", where=str(path), expected="the file of `translate evaluate RUN --json FILE`")
    scored = found["protocol"].get("step")
    if scored != step:
        raise UserError(
            f"are the scores of step {scored}, and the weights are those of step {step}",
            where=f"--scores {path}",
            expected="scores of the same weights",
            hint="translate evaluate RUN --data DIR --json FILE",
        )
    return found


def scores_of_log(run: Path, step: int) -> dict[str, Any] | None:
    """The last scores of held-out images that the training had seen by `step`; None without any."""
    rows = [row for row in log.read(run) if row["step"] <= step and any(key.startswith("score/") for key in row)]
    if not rows:
        return None
    metrics: dict[str, dict[str, float]] = {}
    for key, value in rows[-1].items():
        kind, _, rest = key.partition("/")
        direction, _, metric = rest.partition("/")
        if kind == "score" and metric and direction != "mean":
            metrics.setdefault(direction, {})[metric] = value
    return {
        "metrics": metrics,
        "protocol": {"split": "held-out images, scored during the training", "step": rows[-1]["step"]},
    }


def _picture(path: Path) -> Image:
    """The pixels alone: what a camera or an editor wrote beside them stays here."""
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            pixels = image.convert("RGB")
    except PIL.Image.DecompressionBombError:
        raise UserError("is too large", where=f"--grid {path}", expected="a PNG or JPEG for a card") from None
    except OSError:
        raise UserError("is no picture", where=f"--grid {path}", expected="a PNG or JPEG") from None
    pixels.info.clear()
    return pixels
