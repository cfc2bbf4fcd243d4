"""Transforms of uint8 pictures while loading: albumentations pipelines written in the configuration, seeded per call.
The only file that knows albumentations."""

from __future__ import annotations

import os
import random
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import shake_128
from typing import Any

import numpy as np

from translate.data.images import Pixels
from translate.errors import UserError, unknown

Entry = str | Mapping[str, Any]


@dataclass(frozen=True)
class Pipeline:
    """An albumentations Compose and the random streams of each transform in it."""

    compose: Any
    streams: tuple[tuple[random.Random, np.random.Generator], ...]
    where: str
    names: str
    idle: deque[Pipeline] = field(default_factory=deque, compare=False, repr=False)

    @contextmanager
    def lent(self) -> Iterator[Pipeline]:
        """A copy that nobody else uses: its random state is its own, and threads must not take turns in it."""
        try:
            copy = self.idle.pop()
        except IndexError:
            compose, streams = deepcopy((self.compose, self.streams))
            copy = Pipeline(compose, streams, self.where, self.names)
        try:
            yield copy
        finally:
            self.idle.append(copy)


def build(entries: Sequence[Entry], where: str = "data.transforms") -> Pipeline:
    """The pipeline of entries such as `{"RandomCrop": {"height": 64, "width": 64}}` or `"HorizontalFlip"`; OneOf,
    Sequential and the like take such a list themselves. Raises UserError, naming the entry, for unknown names and
    bad arguments."""
    library = _library()
    transforms = [_transform(library, entry, f"{where}[{i}]") for i, entry in enumerate(entries)]
    compose = library.Compose(transforms)
    streams = []
    for node in _nodes(compose):
        # albumentations' own set_random_seed gives all transforms the same stream (flips would always coincide), and
        # builds new generators at every call: 15 us a transform instead of 5.
        own = random.Random(), np.random.Generator(np.random.PCG64())
        node.py_random, node.random_generator = own
        streams.append(own)
    return Pipeline(compose, tuple(streams), where, " > ".join(_name(entry) for entry in entries))


def apply(pipeline: Pipeline, image: Pixels, seed: int, frames: int = 1) -> Pixels:
    """From uint8 [H, W, C] to uint8 [H', W', C]; the same seed does the same thing, and so to each of `frames` that
    are stacked in C."""
    with pipeline.lent() as own:
        return _apply(own, image, seed, frames)


def apply_pair(
    pipeline: Pipeline, a: Pixels, b: Pixels, seed: int, frames: tuple[int, int] = (1, 1)
) -> tuple[Pixels, Pixels]:
    """Both [H, W, C] with the same random parameters, also when their C differ (their H and W must be equal)."""
    with pipeline.lent() as own:
        return _apply(own, a, seed, frames[0]), _apply(own, b, seed, frames[1])


def _apply(pipeline: Pipeline, image: Pixels, seed: int, frames: int) -> Pixels:
    if frames > 1:  # one by one: what changes colours knows of one or three channels, never of twelve
        apart = np.split(image, frames, axis=2)
        return np.concatenate([_apply(pipeline, frame, seed, 1) for frame in apart], axis=2)
    _seed(pipeline, seed)
    try:
        result = pipeline.compose(image=np.ascontiguousarray(image))["image"]
    except Exception as error:  # of OpenCV, NumPy or albumentations, depending on the transform
        raise UserError(
            f"the transforms {pipeline.names} failed on a picture of {_shape(image)}: {_first_line(error)}",
            where=pipeline.where,
            expected="transforms that accept pictures of this size (data.load_size) and number of channels",
            hint="take the transform that is named away, or change data.load_size or data.channels",
        ) from error
    if result.ndim == 2:
        result = result[:, :, None]
    if result.dtype != np.uint8 or result.shape[2] != image.shape[2]:
        raise UserError(
            f"the transforms {pipeline.names} made {result.dtype} of {_shape(result)} of a picture of {_shape(image)}",
            where=pipeline.where,
            expected=f"8-bit pictures with {image.shape[2]} channels; the scaling to [-1, 1] is done later",
            hint="take Normalize, ToFloat, ToTensorV2, ToGray and the like away",
        )
    return result


def _seed(pipeline: Pipeline, seed: int) -> None:
    """Gives each transform a stream of its own from (seed, its place), so that one that draws more for three channels
    than for one (noise) does not shift those after it."""
    digest = shake_128(seed.to_bytes(16, "little", signed=True)).digest(48 * len(pipeline.streams))
    words = [int.from_bytes(digest[i : i + 16], "little") for i in range(0, len(digest), 16)]
    for i, (python, generator) in enumerate(pipeline.streams):
        start, state, increment = words[3 * i : 3 * i + 3]
        python.seed(start)
        generator.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": increment | 1},  # an even increment would shorten the period
            "has_uint32": 0,
            "uinteger": 0,
        }


def _nodes(node: Any) -> list[Any]:
    return [node, *(below for child in getattr(node, "transforms", []) for below in _nodes(child))]


def _library() -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
    import albumentations

    return albumentations


def _known(library: Any) -> dict[str, type]:
    base = library.BasicTransform, library.BaseCompose
    abstract = {*base, library.DualTransform, library.ImageOnlyTransform, library.Transform3D}
    return {
        name: thing
        for name in dir(library)
        if isinstance(thing := getattr(library, name), type) and issubclass(thing, base) and thing not in abstract
    }


def _name(entry: Entry) -> str:
    return entry if isinstance(entry, str) else next(iter(entry), "")


def _transform(library: Any, entry: Entry, where: str) -> Any:
    if not isinstance(entry, str) and not (isinstance(entry, Mapping) and len(entry) == 1):
        raise UserError(
            f"this is no transform: {entry!r}",
            where=where,
            expected="a name, or one name with its arguments, as in - RandomCrop: {height: 64, width: 64}",
            hint="start each transform with its own dash",
        )
    name = _name(entry)
    options: Any = {} if isinstance(entry, str) else entry[name] or {}
    known = _known(library)
    if name not in known:
        # There are over a hundred: the closest dozen is of more use than all.
        close = get_close_matches(name, known, n=12, cutoff=0.4) or known
        raise unknown("albumentations transform", name, close, where=where)
    where = f"{where}.{name}"
    if issubclass(known[name], library.BaseCompose):
        if isinstance(options, Sequence) and not isinstance(options, str):
            options = {"transforms": options}
        below = options.get("transforms", [])
        options = {**options, "transforms": [_transform(library, e, f"{where}[{i}]") for i, e in enumerate(below)]}
    if not isinstance(options, Mapping):
        raise UserError(
            f"these are no arguments: {options!r}",
            where=where,
            expected="names and values, as in {height: 64, width: 64}",
            hint=f"- {name}: {{}}",
        )
    try:
        with warnings.catch_warnings():
            # Without `strict` unknown and unusable arguments are only warned of; not every class takes it.
            warnings.filterwarnings("error", r"Argument\(s\)", UserWarning)
            return known[name](**options, **({"strict": True} if _has_schema(known[name]) else {}))
    except (ValueError, TypeError, UserWarning) as error:
        raise UserError(
            " ".join(str(error).split()),
            where=where,
            expected=f"arguments of albumentations' {name}: {_arguments(known[name])}",
            hint="mend or remove the argument that is named",
        ) from error


def _has_schema(transform: type) -> bool:
    """Whether the class that defines the constructor also says how its arguments are checked."""
    return "InitSchema" in vars(next(c for c in transform.__mro__ if "__init__" in vars(c)))


def _arguments(transform: type) -> str:
    from inspect import signature

    return ", ".join(str(parameter) for parameter in signature(transform).parameters)


def _shape(image: Pixels) -> str:
    return "x".join(str(n) for n in image.shape[:2][::-1]) + f" with {image.shape[2]} channels"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
