"""Networks as compiled code: where that does not work the training goes on without, and says why."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator

from torch import nn

from translate.domain import Batch
from translate.trainer import Trainer


def compile_networks(trainer: Trainer, sample: Batch) -> str | None:
    """Compile the networks in place, keys and weights as before; if not (all), a sentence that says why.

    One step on `sample` is tried and taken back, so whatever the compiler refuses shows here, not after hours.
    """
    chosen = list(_compilable(trainer))
    if not chosen:
        return "training.compile: no network here can be compiled, so none is"
    before = copy.deepcopy(trainer.state_dict())
    for network in chosen:
        # Random numbers as without; no CUDA graphs, since a network is called several times in a step, and a graph
        # would write the second call's images over the first's before the backward pass has read them.
        network.compile(options={"fallback_random": True})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler's own code
            trainer.step(sample.to(trainer.device))
    except (
        Exception
    ) as error:  # compilers fail in any way: none installed, an operation they don't know, their own bugs
        for network in chosen:
            network._compiled_call_impl = None  # what `compile` sets; torch has no word for taking it back
        reason = " ".join((str(error).strip().splitlines() or [""])[0].split())[:200]
        return f"training.compile: does not work here, so training goes on without ({type(error).__name__}: {reason})"
    finally:
        trainer.load_state_dict(before)
        for optimizer in trainer.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
    return None


def _compilable(trainer: Trainer) -> Iterator[nn.Module]:
    """Networks that keep their shape, and, of discriminators, those that nobody differentiates twice."""
    twice = any(getattr(term, "holds_discriminator", False) for term in trainer.objective.terms.values())
    for kind, group in trainer.networks.modules():
        if kind == "judging" or (kind == "discriminator" and twice):
            continue
        yield from (network for network in group.children() if not hasattr(network, "grow"))
