"""One step of the game: two players move in turn. Names no term, no network and no file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from translate.computing import processes
from translate.computing.precision import Precision
from translate.config import Training
from translate.domain import Batch
from translate.ema import Ema
from translate.objective import Objective, Player
from translate.seeds import seed_of
from translate.translations import Networks, Translations, frozen


def rate_factor(training: Training, progress: float) -> float:
    """The share of the learning rate at `progress` in [0, 1]: warm-up, then constant, linear or cosine decay to 0."""
    if progress < training.warmup:
        return progress / training.warmup
    if training.schedule == "constant" or progress < training.decay_from:
        return 1.0
    left = min(1.0, max(0.0, (1 - progress) / (1 - training.decay_from)))
    return left if training.schedule == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)


class Trainer:
    """The players, their optimisers and the moving average of the generators."""

    def __init__(self, networks: Networks, objective: Objective, training: Training, device: torch.device) -> None:
        self.networks, self.objective, self.training, self.device = networks, objective, training, device
        self.ema = Ema(networks.generator, training.ema)
        self.step_count = 0
        self.lowered = 0  # how often all learning rates were halved for good
        self.parameters: dict[Player, list[nn.Parameter]] = {
            Player.GENERATOR: [
                *networks.generator.parameters(),
                *networks.encoder.parameters(),
                *objective.parameters(),
            ],
            Player.DISCRIMINATOR: list(networks.discriminator.parameters()),
        }
        for group in self.parameters.values():
            group[:] = [p for p in group if p.requires_grad]
        self.rates = {
            Player.GENERATOR: training.learning_rate,
            Player.DISCRIMINATOR: training.discriminator_learning_rate or training.learning_rate,
        }
        self.optimizers = {
            player: _optimizer(training, group, self.rates[player], device)
            for player, group in self.parameters.items()
            if group
        }
        self.precision = Precision(training.precision, device, self.optimizers)

    def step(self, batch: Batch, progress: float = 0.0, measure: bool = False) -> dict[str, Tensor]:
        """Both players' moves on one batch; unweighted losses, with gradient norms when `measure`.

        With `discriminator_steps` k the batch is cut into k: the generators move on the first part, the discriminators
        once on each.
        """
        # The step is the only random state: resuming needs no generator's state.
        torch.manual_seed(seed_of("step", self.training.seed, self.step_count))
        self.precision.set_products()
        self._tell(progress)
        turns = list(batch.split(self.training.discriminator_steps))
        logged: dict[str, Tensor] = {}
        for turn, rows in enumerate(turns):
            parts = [Translations(b, self.networks, progress, measure) for b in rows.split(self.training.accumulate)]
            for player in self.optimizers:
                if player is Player.GENERATOR and turn:
                    continue
                told = self._move(player, parts, rows, progress, measure)
                share = 1 if player is Player.GENERATOR else len(turns)
                for name, value in told.items():
                    logged[name] = logged.get(name, 0) + value / share
        logged |= {f"skipped/{player}": steps.clone() for player, steps in self.precision.skipped.items()}
        self.ema.update(self.networks.generator)  # after a step left out too: where the weights stay, time goes on
        self.step_count += 1
        return logged

    def _tell(self, progress: float) -> None:
        """Networks that change shape over the training hear where it stands; so does what they are judged through."""
        for group in (self.networks.generator, self.networks.discriminator, self.ema.module):
            for network in group.children():
                _call(network, "grow", progress)
        _call(self.networks.judging, "at", progress)

    def _move(
        self, player: Player, parts: list[Translations], rows: Batch, progress: float, measure: bool
    ) -> dict[str, Tensor]:
        """One player's move: the gradient of its losses over the parts of the batch, and a step of its optimiser."""
        optimizer, group, scaler = self.optimizers[player], self.parameters[player], self.precision.scalers[player]
        logged: dict[str, Tensor] = {}
        optimizer.zero_grad(set_to_none=True)
        with frozen(self.parameters[player.opponent]):
            for x in parts:
                with self.precision.computing():
                    losses = self.objective(player, x, self.step_count)
                shares = {True: x.paired / max(1, rows.paired), False: len(x.batch) / len(rows)}
                if losses:
                    weighted = [loss.weighted * shares[loss.paired] for loss in losses.values()]
                    scaler.scale(torch.stack(weighted).sum()).backward()
                x.detach()
                for name, loss in losses.items():
                    logged[name] = logged.get(name, 0) + loss.value.detach() * shares[loss.paired]
        if player is Player.DISCRIMINATOR:
            for x in parts:
                for domain, value in x.separations.items():
                    name = f"separation/{domain}"
                    logged[name] = logged.get(name, 0) + value / len(parts)
        for settings in optimizer.param_groups:
            settings["lr"] = self.rates[player] * rate_factor(self.training, progress) * 0.5**self.lowered
        if any(weight.grad is not None for weight in group):
            processes.average(group)
            scaler.unscale_(optimizer)
            logged |= self._gradient_norm(player, measure)
            scaler.step(optimizer)
            scaler.update()
        if player is Player.DISCRIMINATOR and self.training.weight_clip is not None:
            with torch.no_grad():
                for weight in group:
                    weight.clamp_(-self.training.weight_clip, self.training.weight_clip)
        return logged

    def _gradient_norm(self, player: Player, measure: bool) -> dict[str, Tensor]:
        """Clips the player's gradient; by name, where it is wanted, what its norm was."""
        group, wanted = self.parameters[player], measure or self.training.clip is not None
        if self.training.clip is not None:
            norm = nn.utils.clip_grad_norm_(group, self.training.clip)
        elif measure or self.precision.scaled:
            norm = nn.utils.get_total_norm([weight.grad for weight in group if weight.grad is not None])
        if self.precision.scaled:
            norm = self.precision.count(player, norm)
        return {f"grad_norm/{player}": norm} if wanted else {}

    def finite(self) -> bool:
        """Whether all weights are numbers; one that is not spoils every further step."""
        weights = [weight for group in self.parameters.values() for weight in group]
        return bool(torch.isfinite(torch.stack([weight.detach().sum() for weight in weights])).all())

    def state_dict(self) -> dict[str, Any]:
        """Everything that a step changes: tensors and plain values only."""
        return {
            "step": self.step_count,
            "lowered": self.lowered,
            "generator": self.networks.generator.state_dict(),
            "discriminator": self.networks.discriminator.state_dict(),
            "encoder": self.networks.encoder.state_dict(),
            "judging": self.networks.judging.state_dict(),
            "objective": self.objective.state_dict(),
            "generator_ema": self.ema.module.state_dict(),
            "ema_updates": self.ema.updates,
            "precision": self.precision.state_dict(),
            "optimizers": {str(player): optimizer.state_dict() for player, optimizer in self.optimizers.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.step_count, self.lowered = state["step"], state.get("lowered", 0)
        self.networks.generator.load_state_dict(state["generator"])
        self.networks.discriminator.load_state_dict(state["discriminator"])
        self.networks.encoder.load_state_dict(state["encoder"])
        self.networks.judging.load_state_dict(state["judging"])
        self.objective.load_state_dict(state["objective"])
        self.ema.module.load_state_dict(state["generator_ema"])
        self.ema.updates = state["ema_updates"]
        for player, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][str(player)])
        self.precision.load_state_dict(state.get("precision", {}))


def _call(module: nn.Module, method: str, progress: float) -> None:
    """Tell `module` the progress, if it listens."""
    listen: Callable[[float], None] | None = getattr(module, method, None)
    if listen is not None:
        listen(progress)


def _optimizer(
    training: Training, group: list[nn.Parameter], rate: float, device: torch.device
) -> torch.optim.Optimizer:
    if training.optimizer == "rmsprop":
        return torch.optim.RMSprop(group, lr=rate)
    return torch.optim.Adam(group, lr=rate, betas=training.betas, fused=device.type in ("cpu", "cuda"))
