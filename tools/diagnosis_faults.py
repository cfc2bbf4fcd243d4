"""Faults planted in what a run shows, writes down, or was given; and healthy stand-ins with the flaws of good runs.

Every maker is a function of a seed. Images are the embedded faces and digits, so nothing is downloaded.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from translate.data import digits, faces
from translate.data.images import Pixels, save
from translate.diagnosis import Seen
from translate.diagnosis.thumbnails import distances, thumbnails
from translate.domain import Domain

Rows = list[dict[str, float]]
Maker = Callable[[int, int, int], Seen]
"""Of a seed, the side of the images and their number."""
FAR = 5_000_000
"""Scenes from here on are known to the training."""

# --- what a faultless run shows


@lru_cache(maxsize=128)
def drawn(style: Domain, seed: int, first: int, count: int, size: int) -> Pixels:
    """Faces `first` to `first + count` of a seed in one style."""
    return faces.render(faces.scenes(seed, first, count), style, size)


def translation(seed: int, size: int, count: int) -> Seen:
    """Clay to comic without a flaw, and with pairs."""
    truths = drawn(Domain.B, seed, 0, count, size)
    return Seen(
        "a2b", truths, truths, drawn(Domain.A, seed, 0, count, size), truths, drawn(Domain.B, seed, FAR, count, size)
    )


def unpaired(seed: int, size: int, count: int) -> Seen:
    """The same without pairs: the held-out images of the produced domain show other scenes."""
    return replace(translation(seed, size, count), truths=None, reals=drawn(Domain.B, seed, 1_000_000, count, size))


def samples(seed: int, size: int, count: int) -> Seen:
    """New faces of both styles from noise."""
    return Seen(
        "sample",
        _both(seed, 0, count, size),
        _both(seed, 1_000_000, count, size),
        known=_both(seed, FAR, 2 * count, size),
    )


def glyphs(seed: int, size: int, count: int) -> Seen:
    """New digits from noise, in grey."""
    outputs, reals, known = (
        _digits(np.arange(n) % 10, seed, first, size) for n, first in ((count, 0), (count, 1_000_000), (3 * count, FAR))
    )
    return Seen("sample", outputs, reals, known=known)


def _both(seed: int, first: int, count: int, size: int) -> Pixels:
    half = count // 2
    return np.concatenate(
        [drawn(Domain.A, seed, first, half, size), drawn(Domain.B, seed, first + half, count - half, size)]
    )


def _digits(which: NDArray[Any], seed: int, first: int, size: int) -> Pixels:
    grey = digits.glyphs(which, seed=seed, first=first, size=size)
    return np.round((grey + 1) * 127.5).astype(np.uint8)[..., None]


# --- flaws that good runs have


def blurred(images: Pixels, radius: float = 0.8) -> Pixels:
    """A little soft."""
    return np.stack([_filtered(image, ImageFilter.GaussianBlur(radius * image.shape[0] / 64)) for image in images])


def noisy(images: Pixels, seed: int, strength: float = 6) -> Pixels:
    """With grain."""
    return _pixels(images + np.random.default_rng(seed).normal(0, strength, images.shape))


def tinted(images: Pixels, seed: int, strength: float = 10) -> Pixels:
    """With a cast of colour."""
    return _pixels(images + np.random.default_rng(seed).uniform(-strength, strength, images.shape[-1]))


def pale(images: Pixels, share: float = 0.8) -> Pixels:
    """With less contrast."""
    return _pixels(128 + share * (images.astype(np.float64) - 128))


def jpeg(images: Pixels, quality: int = 60) -> Pixels:
    """As JPEG leaves them."""
    kept = []
    for image in images:
        grey, buffer = image.shape[2] == 1, io.BytesIO()
        Image.fromarray(image[:, :, 0] if grey else image).save(buffer, "JPEG", quality=quality)
        pixels = np.asarray(Image.open(buffer))
        kept.append(pixels[:, :, None] if grey else pixels)
    return np.stack(kept)


def shifted(images: Pixels, pixels: int) -> Pixels:
    """Moved to the right; the left edge is repeated."""
    return np.concatenate([np.repeat(images[:, :, :1], pixels, axis=2), images[:, :, :-pixels]], axis=2)


def _filtered(image: Pixels, how: Any) -> Pixels:
    grey = image.shape[2] == 1
    made = np.asarray(Image.fromarray(image[:, :, 0] if grey else image).filter(how))
    return made[:, :, None] if grey else made


def _pixels(values: NDArray[Any]) -> Pixels:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _with(seen: Seen, outputs: NDArray[Any]) -> Seen:
    """The same with other outputs."""
    return replace(seen, outputs=_pixels(outputs), exact=np.clip(outputs, 0, 255).astype(np.float32))


FLAWS: dict[str, Callable[[Pixels, int], Pixels]] = {
    "none": lambda images, seed: images,
    "soft": lambda images, seed: blurred(images),
    "very soft": lambda images, seed: blurred(images, 2.0),
    "grainy": noisy,
    "tinted": tinted,
    "pale": lambda images, seed: pale(images),
    "soft, tinted and pale": lambda images, seed: pale(tinted(blurred(images), seed), 0.85),
    "JPEG": lambda images, seed: jpeg(images),
}
WORLDS: dict[str, Maker] = {
    "pairs": translation,
    "no pairs": unpaired,
    "from noise": samples,
    "digits from noise": glyphs,
}


def healthy(world: str, flaw: str, seed: int, size: int, count: int) -> Seen:
    """A good run of a kind with one flaw; the way back is honest where there is one."""
    seen = WORLDS[world](seed, size, count)
    made = _with(seen, FLAWS[flaw](seen.outputs, seed))
    return made if seen.inputs is None else replace(made, back=honest(seed, size, count))


def honest(seed: int, size: int, count: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """A way back that goes by what can be seen: the clay face of the comic one that is nearest, with some error."""
    comic, clay = (drawn(style, seed, 0, count, size) for style in (Domain.B, Domain.A))
    known, answers = thumbnails(comic), blurred(clay).astype(np.float32)

    def back(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return answers[distances(thumbnails(_pixels(images)), known).argmin(axis=1)]

    return back


# --- faults of images


def one_image(seed: int, size: int, count: int) -> Seen:
    """Collapse to one face, with a little grain."""
    seen = samples(seed, size, count)
    return _with(seen, noisy(np.repeat(seen.outputs[:1], count, axis=0), seed, 3))


def a_handful(seed: int, size: int, count: int) -> Seen:
    """Collapse to eight faces, each a little different every time."""
    seen = samples(seed, size, count)
    random = np.random.default_rng(seed)
    chosen = seen.outputs[:: count // 8][:8][random.integers(0, 8, count)].astype(np.float64)
    light = random.uniform(-5, 5, (count, 1, 1, 1))
    return _with(seen, chosen + light + random.normal(0, 3, chosen.shape))


def input_ignored(seed: int, size: int, count: int) -> Seen:
    """A translation that answers every input with one of three faces."""
    seen = unpaired(seed, size, count)
    return _with(seen, noisy(seen.outputs[np.random.default_rng(seed).integers(0, 3, count)], seed, 3))


def one_style_dropped(seed: int, size: int, count: int) -> Seen:
    """Half of the real faces are comics, and no output is."""
    return _with(samples(seed, size, count), blurred(drawn(Domain.A, seed, 0, count, size)))


def digits_dropped(seed: int, size: int, count: int) -> Seen:
    """Never a 0, 1 or 8."""
    left = np.array([2, 3, 4, 5, 6, 7, 9])
    return _with(glyphs(seed, size, count), blurred(_digits(left[np.arange(count) % 7], seed, 0, size)))


def rooms_dropped(seed: int, size: int, count: int) -> Seen:
    """Comics of which none has a red or yellow room, as a third of the real ones have."""
    seen = unpaired(seed, size, count)
    many = faces.scenes(seed, 0, 2 * count).room_hue.ravel()
    made = drawn(Domain.B, seed, 0, 2 * count, size)[many > 1 / 3][:count]
    return replace(_with(replace(seen, inputs=None), noisy(made, seed)), direction="sample")


def copies(seed: int, size: int, count: int) -> Seen:
    """A fifth of the outputs are training images, with grain."""
    return _copied(seed, size, count, 0.2, lambda images: noisy(images, seed, 4))


def mirrored_copies(seed: int, size: int, count: int) -> Seen:
    """Half of the outputs are training images turned left to right, and a little soft."""
    return _copied(seed, size, count, 0.5, lambda images: blurred(images[:, :, ::-1]))


def shifted_copies(seed: int, size: int, count: int) -> Seen:
    """Half of the outputs are training images, moved by a 64th of their width."""
    return _copied(seed, size, count, 0.5, lambda images: shifted(images, max(1, size // 64)))


def _copied(seed: int, size: int, count: int, share: float, change: Callable[[Pixels], Pixels]) -> Seen:
    seen = samples(seed, size, count)
    assert seen.known is not None, "made with known images"
    chosen = np.random.default_rng(seed).permutation(len(seen.known))[: int(share * count)]
    return _with(seen, np.concatenate([change(seen.known[chosen]), blurred(seen.outputs[len(chosen) :])]))


def negatives(seed: int, size: int, count: int) -> Seen:
    """Outputs that are the truths' negatives."""
    seen = translation(seed, size, count)
    return _with(seen, blurred(255 - seen.outputs))


def dark_and_light_swapped(seed: int, size: int, count: int) -> Seen:
    """Outputs of which only the brightness is turned round, and that not wholly; colours stay, with grain."""
    seen = translation(seed, size, count)
    light = seen.outputs.mean(axis=3, keepdims=True)
    return _with(seen, noisy(_pixels(seen.outputs - 1.6 * (light - 128)), seed))


def negatives_unpaired(seed: int, size: int, count: int) -> Seen:
    """Without pairs: the inputs' negatives in another colour."""
    seen = unpaired(seed, size, count)
    return _with(seen, tinted(blurred(255 - seen.shown), seed, 30))


def nothing_done(seed: int, size: int, count: int) -> Seen:
    """Outputs that are the inputs."""
    seen = translation(seed, size, count)
    return _with(seen, noisy(seen.shown, seed, 1))


def hardly_anything_done(seed: int, size: int, count: int) -> Seen:
    """Without pairs: outputs that are the inputs, a little tinted."""
    seen = unpaired(seed, size, count)
    return _with(seen, tinted(seen.shown, seed, 4))


def hidden_in_rounding(seed: int, size: int, count: int) -> Seen:
    """The comic of each scene carries its clay face with an amplitude of half a grey level."""
    return _hidden(seed, size, count, 0.5)


def hidden_in_grain(seed: int, size: int, count: int) -> Seen:
    """And with three grey levels, which 8 bits keep and grain drowns."""
    return _hidden(seed, size, count, 3.0)


def _hidden(seed: int, size: int, count: int, amplitude: float) -> Seen:
    seen = unpaired(seed, size, count)
    comic, small = seen.outputs, thumbnails(seen.outputs)
    seen = _with(seen, comic * 0.9 + 12 + amplitude * (seen.shown / 127.5 - 1))

    def back(images: NDArray[np.float32]) -> NDArray[np.float32]:
        base = comic[distances(thumbnails(_pixels((images - 12) / 0.9)), small).argmin(axis=1)] * 0.9 + 12
        return np.clip(((images - base) / amplitude + 1) * 127.5, 0, 255).astype(np.float32)

    return replace(seen, back=back)


def other_scenes(seed: int, size: int, count: int) -> Seen:
    """Fine comics, but of other scenes than the inputs'."""
    seen = translation(seed, size, count)
    return _with(seen, np.roll(seen.outputs, 1, axis=0))


def other_scenes_unpaired(seed: int, size: int, count: int) -> Seen:
    """The same without pairs, and a little soft."""
    seen = unpaired(seed, size, count)
    return _with(seen, blurred(drawn(Domain.B, seed, 2_000_000, count, size)))


def checkers(seed: int, size: int, count: int) -> Seen:
    """A pattern of period 2 over everything."""
    return _patterned(samples(seed, size, count), seed, 2)


def wide_checkers(seed: int, size: int, count: int) -> Seen:
    """A pattern of period 4 over everything, on a translation's outputs."""
    return _patterned(unpaired(seed, size, count), seed, 4)


def uneven_overlap(seed: int, size: int, count: int) -> Seen:
    """What a transposed convolution of kernel 3 and stride 2 leaves: every second row and column gets more."""
    seen = samples(seed, size, count)
    gain = 1 + 0.06 * np.where(np.arange(size) % 2, 1, -1)
    return _with(seen, blurred(seen.outputs) * gain[:, None, None] * gain[None, :, None])


def _patterned(seen: Seen, seed: int, period: int) -> Seen:
    size = seen.outputs.shape[1]
    phase = np.random.default_rng(seed).uniform(0, 1, (len(seen.outputs), 1, 1, 1))
    wave = np.cos(2 * np.pi * (np.arange(size) / period))
    pattern = 5 * (wave[:, None] + wave)[None, :, :, None]
    return _with(seen, blurred(seen.outputs) + (0.5 + phase) * pattern)


FAULTS: dict[str, list[Maker]] = {
    "mode_collapse": [one_image, a_handful, input_ignored],
    "mode_dropping": [one_style_dropped, digits_dropped, rooms_dropped],
    "memorisation": [copies, mirrored_copies, shifted_copies],
    "colour_inversion": [negatives, dark_and_light_swapped, negatives_unpaired],
    "identity_shortcut": [nothing_done, hardly_anything_done],
    "hidden_information": [hidden_in_rounding, hidden_in_grain],
    "lost_content": [other_scenes, other_scenes_unpaired],
    "checkerboard": [checkers, wide_checkers, uneven_overlap],
}

# --- logs


def log(seed: int, count: int = 60) -> Rows:
    """The log of a game that goes well: noisy, and separation high, as in many good runs."""
    random = np.random.default_rng(seed)
    level = random.uniform(0.6, 0.995)
    norms = np.exp(random.normal(0, 0.5, (count, 2))) * np.exp(random.uniform(-1, 4, 2))
    settled = 20 + 80 * np.exp(-np.arange(count) / 15)
    return [
        {
            "step": 50 * (i + 1),
            "loss/adversarial/b": float(random.uniform(0.5, 4)),
            "loss/adversarial/discriminator/b": float(random.uniform(0.03, 0.7)),
            "separation/b": float(np.clip(level + random.normal(0, 0.05), 0, 1)),
            "grad_norm/generator": float(norms[i, 0]),
            "grad_norm/discriminator": float(norms[i, 1]),
            "learning_rate/discriminator": 2e-4,
            **(
                {"score/a2b/swd": float(settled[i] * random.uniform(0.95, 1.05)), "floor/a2b/swd": 10.0}
                if i % 10 == 9
                else {}
            ),
        }
        for i in range(count)
    ]


def spiked(seed: int, count: int = 60) -> Rows:
    """A good run, with single steps of huge gradients and of a loss that overflows."""
    rows = log(seed, count)
    random = np.random.default_rng(seed)
    for i in random.integers(20, count - 10, 3):
        rows[i]["grad_norm/generator"] *= 1e4
        rows[i]["loss/adversarial/b"] = float("inf")
    rows[-1]["grad_norm/discriminator"] *= 1e4
    return rows


def always_right(seed: int, count: int = 60) -> Rows:
    """A good run whose discriminator is nonetheless always right, as DCGAN's mostly is."""
    rows = log(seed, count)
    for row in rows:
        row["separation/b"] = 1.0
    return rows


def undecided(seed: int, count: int = 60) -> Rows:
    """A game that has ended in a draw, near the real images."""
    rows = log(seed, count)
    for row, shift in zip(rows, np.random.default_rng(seed).normal(0, 0.02, count), strict=True):
        row["separation/b"] = 0.5 + float(shift)
    return rows


def late_game(seed: int, count: int = 60) -> Rows:
    """A discriminator that joins half-way: its gradients were 0 before."""
    rows = log(seed, count)
    for row in rows[: count // 2]:
        row["grad_norm/discriminator"] = 0.0
        del row["separation/b"], row["loss/adversarial/discriminator/b"]
    return rows


def begun(seed: int, count: int = 60) -> Rows:
    """The first rows of a run that has not found its feet."""
    rows = always_right(seed, 8)
    for row in rows:
        row["loss/adversarial/discriminator/b"] = 1e-4
    return rows


def sure(seed: int, count: int = 60) -> Rows:
    """A discriminator that is always right and sure of it."""
    rows = always_right(seed, count)
    for row, loss in zip(rows, np.random.default_rng(seed).uniform(1e-5, 5e-3, count), strict=True):
        row["loss/adversarial/discriminator/b"] = float(loss)
    return rows


def dead_gradient(seed: int, count: int = 60) -> Rows:
    """A discriminator that is always right, in a game whose gradient dies there."""
    rows = always_right(seed, count)
    for i, row in enumerate(rows):
        row["grad_norm/generator"] *= 10 ** (-5 * i / count)
    return rows


def standing_still(seed: int, count: int = 60) -> Rows:
    """A discriminator that is always right, and outputs that do not come nearer to real ones."""
    rows = always_right(seed, count)
    random = np.random.default_rng(seed)
    for row in rows:
        if "score/a2b/swd" in row:
            row["score/a2b/swd"] = float(random.uniform(120, 126))
    return rows


def taken_in(seed: int, count: int = 60) -> Rows:
    """A discriminator that takes fakes for real."""
    rows = log(seed, count)
    for row, level in zip(rows, np.random.default_rng(seed).normal(0.35, 0.05, count), strict=True):
        row["separation/b"] = float(level)
    return rows


def asleep(seed: int, count: int = 60) -> Rows:
    """A discriminator that guesses, and outputs that are far from real."""
    rows = undecided(seed, count)
    for row in rows:
        if "score/a2b/swd" in row:
            row["score/a2b/swd"] = 150.0
    return rows


def no_numbers(seed: int, count: int = 60) -> Rows:
    """Losses that are no numbers from some step on."""
    rows = log(seed, count)
    first = int(np.random.default_rng(seed).integers(count // 3, count - 5))
    for row in rows[first:]:
        row["loss/adversarial/b"] = row["grad_norm/generator"] = float("nan")
    return rows


def infinite(seed: int, count: int = 60) -> Rows:
    """Gradients that are infinite at the end."""
    rows = log(seed, count)
    for row in rows[-4:]:
        row["grad_norm/discriminator"] = float("inf")
    return rows


def exploded(seed: int, count: int = 60) -> Rows:
    """Gradients that grow a thousand times in a few steps, and stay."""
    rows = log(seed, count)
    for i, row in enumerate(rows[2 * count // 3 :]):
        row["grad_norm/generator"] *= 10 ** min(3.5, 1 + i)
    return rows


def growing(seed: int, count: int = 60) -> Rows:
    """Gradients that grow all the time."""
    rows = log(seed, count)
    for i, row in enumerate(rows):
        row["grad_norm/discriminator"] *= 10 ** (5 * max(0, i - 10) / count)
    return rows


LogMaker = Callable[[int], Rows]
LOG_FAULTS: dict[str, list[LogMaker]] = {
    "discriminator_won": [sure, dead_gradient, standing_still],
    "discriminator_lost": [taken_in, asleep],
    "not_a_number": [no_numbers, infinite],
    "exploding_gradients": [exploded, growing],
}
HEALTHY_LOGS: list[LogMaker] = [log, spiked, always_right, undecided, late_game, begun]

# --- data


def folder(root: Path, seed: int, size: int, train: int, test: int) -> None:
    """Clay and comic faces in trainA, trainB, testA and testB, each of its own scenes."""
    for place, (name, count) in enumerate((("train", train), ("test", test))):
        for style in Domain:
            first = place * FAR + (500_000 if style is Domain.B else 0)
            for i, image in enumerate(drawn(style, seed, first, count, size)):
                save(image, root / f"{name}{style.upper()}" / f"{i}.png")


def leaked(root: Path, seed: int, size: int, train: int, test: int, how: str) -> None:
    """`folder`, and one held-out comic is a training one: as it is, re-encoded, resized or mirrored."""
    folder(root, seed, size, train, test)
    image = Image.open(root / "trainB" / f"{seed % train}.png")
    target = root / "testB" / "0.png"
    if how == "re-encoded":
        target.unlink()
        image.save(target.with_suffix(".jpg"), quality=85)
    elif how == "resized":
        image.resize((round(1.4 * size), round(1.4 * size)), Image.Resampling.BICUBIC).save(target)
    elif how == "mirrored":
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(target)
    else:
        image.save(target)


LEAKS = ["copied", "re-encoded", "resized", "mirrored"]
