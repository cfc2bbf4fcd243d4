"""A run's generators as they leave it: the weights that are applied, with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from translate import __version__, build, checkpoint
from translate.config import load_run
from translate.domain import Domain
from translate.errors import UserError
from translate.exchange import opening
from translate.exchange.taken import Taken


def of_run(run: Path, name: str = "last") -> Taken:
    """The averaged generators of a run folder, from the checkpoint called so (`checkpoint.find`)."""
    opening.refuse_file(run)
    config = load_run(run)
    path = checkpoint.find(run, name)
    state = checkpoint.read(path)
    about: dict[str, Any] = {
        **state.get("about", {}),
        "step": state["step"] or state.get("about", {}).get("step", 0),  # of one that was trained elsewhere
        "checkpoint": path.name,
        "versions": {"translate": __version__, "torch": str(torch.__version__)},
        **({"trained_on": _in_words(state["counts"])} if "counts" in state else {}),
    }
    return Taken(config, state["generator_ema"], about)


def _in_words(counts: Sequence[int]) -> str:
    """Of pairs, and of images of A and of B without a partner."""
    pairs, only_a, only_b = counts
    alone = " without a partner" if pairs else ""
    of_b = f"{only_b:,} images of B{alone}" if pairs or only_a else f"{only_b:,} images"
    named = ((pairs, f"{pairs:,} pairs"), (only_a, f"{only_a:,} images of A{alone}"), (only_b, of_b))
    return ", ".join(words for count, words in named if count)


def one_way(taken: Taken, to: Domain | None, where: str) -> Taken:
    """The generator of `to` alone; without `to` that of B, or the only one. UserError where there is none of `to`."""
    produced = taken.config.produce
    wanted = to or (Domain.B if Domain.B in produced else produced[0])
    if wanted not in produced:
        raise UserError(
            f"this run makes no images of {wanted.upper()}", where=where, expected="--to " + " or --to ".join(produced)
        )
    state = {key: value for key, value in taken.state.items() if key.startswith(f"{wanted}.")}
    return replace(taken, config=taken.config.model_copy(update={"produce": [wanted]}), state=state)


def generator(taken: Taken) -> nn.Module:
    """The one generator of `one_way`, on the CPU, in evaluation mode."""
    generators = build.generators(taken.config)
    try:
        generators.load_state_dict(taken.state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the weights don't fit the networks of the configuration ({reason})") from None
    (made,) = generators.values()
    return made.eval().requires_grad_(False)
