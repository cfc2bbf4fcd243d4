"""The layers that several networks share: norms, upsampling, blurred resampling, and the guard against wrong sizes."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.overrides import has_torch_function_unary

from translate.errors import UserError, unknown
from translate.networks.across import BatchNorm2d

NORMS = ("instance", "batch", "group", "none")


def norm(kind: str, channels: int) -> nn.Module:
    """The normalisation layer for `channels` feature maps; raises UserError for an unknown kind."""
    if kind == "instance":
        return InstanceNorm2d(channels, affine=False, track_running_stats=False)
    if kind == "batch":
        return BatchNorm2d(channels)
    if kind == "group":
        return GroupNorm(gcd(32, channels), channels)
    if kind == "none":
        return nn.Identity()
    raise unknown("norm", kind, NORMS)


class InstanceNorm2d(nn.InstanceNorm2d):
    """[N, C, H, W] -> the same, as torch's own to rounding; without affine parameters and running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or _traced() or (torch.is_grad_enabled() and x.shape[2:].numel() == 1):
            return super().forward(x)  # a compiler knows what to do; and it refuses to learn from maps of one pixel
        # A group norm of single channels is the same function. On a CPU it takes a fifth of the time of torch's own
        # instance norm, with gradients a half, and reads channels-last images as they lie.
        if _added_rightly(x):
            return functional.group_norm(x, self.num_features, eps=self.eps)
        return _in_two_passes(x, self.num_features, self.eps)


class GroupNorm(nn.GroupNorm):
    """[N, C, H, W] -> the same, as torch's own."""

    def forward(self, x: Tensor) -> Tensor:
        if _added_rightly(x):
            return super().forward(x)
        y = _in_two_passes(x, self.num_groups, self.eps)
        return torch.addcmul(self.bias[:, None, None], y, self.weight[:, None, None])


def _added_rightly(x: Tensor) -> bool:
    """Whether torch's group norm of these images can be trusted.

    On a CPU it adds up channels-last images, and their squares, one pixel after the other in float32: of large maps,
    and of even ones, little but rounding is left of the variance. (Somebody who listens to what norms are given looks
    after that, and must be called.)
    """
    return x.device.type != "cpu" or x.is_contiguous() or has_torch_function_unary(x) or _traced()


def _in_two_passes(x: Tensor, groups: int, eps: float) -> Tensor:
    """[N, C, H, W] -> the same, a group norm without weights: the mean first, then the variance, both summed pairwise;
    on channels-last images as quick as torch's own."""

    def of_groups(maps: Tensor) -> Tensor:
        means = maps.mean((2, 3)).unflatten(1, (groups, -1)).mean(2, keepdim=True)
        return means.expand(-1, -1, x.shape[1] // groups).flatten(1)[:, :, None, None]

    exact = x.float()
    centred = exact - of_groups(exact)
    scale = torch.rsqrt(of_groups(centred.square()) + eps)
    return (centred * scale if torch.is_grad_enabled() else centred.mul_(scale)).to(x.dtype)


def needs_bias(kind: str) -> bool:
    """Whether a convolution in front of this norm has a bias: batch and group norm bring their own.

    Instance norm cancels it, but the published CycleGAN weights hold one.
    """
    return kind in ("instance", "none")


def spectral(layer: nn.Module, wanted: bool) -> nn.Module:
    """`layer`, its weight divided by its largest singular value if `wanted` (Miyato et al. 2018, eq. 8)."""
    return parametrizations.spectral_norm(layer) if wanted else layer


def upsampling(kind: str, in_channels: int, out_channels: int, *, kernel: int, bias: bool) -> nn.Module:
    """[N, Cin, H, W] -> [N, Cout, 2H, 2W]: a transposed convolution, or nearest + 3x3 convolution (no checkerboard)."""
    if kind == "transposed":
        return nn.ConvTranspose2d(
            in_channels, out_channels, kernel, stride=2, padding=1, output_padding=kernel % 2, bias=bias
        )
    if kind == "resize":  # Odena et al. 2016, "Deconvolution and Checkerboard Artifacts"
        return nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.ReflectionPad2d(1),
            nn.Conv2d(in_channels, out_channels, 3, bias=bias),
        )
    raise unknown("upsample", kind, ("transposed", "resize"))


class BlurDownsample(nn.Module):
    """[N, C, H, W] -> [N, C, H/2, W/2]: binomial blur, then every second pixel (Zhang 2019, section 3)."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", _binomial((1.0, 2.0, 1.0), channels))

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.filt, stride=2, groups=x.shape[1])


class BlurUpsample(nn.Module):
    """[N, C, H, W] -> [N, C, 2H, 2W]: zeros between the pixels, then a binomial blur that keeps the mean."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * _binomial((1.0, 3.0, 3.0, 1.0), channels))

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv_transpose2d(padded, self.filt, stride=2, padding=3, groups=x.shape[1])


def _binomial(taps: tuple[float, ...], channels: int) -> Tensor:
    line = torch.tensor(taps)
    square = torch.outer(line, line)
    return (square / square.sum()).repeat(channels, 1, 1, 1)


def _traced() -> bool:
    """Whether a graph is being made of this, in which nothing may depend on the size."""
    return bool(torch.jit.is_tracing() or torch.compiler.is_compiling())  # type: ignore[attr-defined]


def require_size(images: Tensor, smallest: int, hint: Callable[[int, int], str], multiple: int = 1) -> None:
    """UserError with hint(H, W) unless H and W of [N, C, H, W] are multiples of `multiple`, at least `smallest`."""
    if _traced():
        return  # a guard on the size would fix it in the exported graph
    height, width = images.shape[-2:]
    if min(height, width) < smallest:
        raise UserError(
            f"images of {height}x{width} (height x width) are too small for this network",
            expected=f"at least {smallest} pixels on each side",
            hint=hint(height, width),
        )
    if height % multiple or width % multiple:
        raise UserError(
            f"images of {height}x{width} (height x width) do not fit this network",
            expected=f"height and width that are multiples of {multiple}",
            hint=hint(height, width),
        )
