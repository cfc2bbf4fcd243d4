"""Rows of the datasets that torchvision knows."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import Any

from translate.errors import UserError, unknown
from translate.preparing.taking import Row, split_name

_NAMED = ("train", "trainval", "valid", "val", "test")


def opened(name: str, root: Path, options: dict[str, Any]) -> dict[str, Any]:
    """By split (train, val, test) the dataset `name` in `root`, fetched by torchvision where it is not there.
    `options`: further arguments of its class. Raises UserError for a name that it lacks, and where it can't be had."""
    import torchvision.datasets as library

    known = [one for one in library.__all__ if _of_pictures(getattr(library, one), library.VisionDataset)]
    if name not in known:
        raise unknown("dataset", name, known, where="torchvision")
    kind = getattr(library, name)
    takes = signature(kind).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    if strange := [key for key in options if key not in takes and not open_ended]:
        raise unknown("argument", strange[0], [key for key in takes if "transform" not in key], where=name)
    words: dict[str, Any] = dict(options)
    if "root" in takes:
        words.setdefault("root", str(root))
    part = next((key for key in ("split", "image_set") if key in takes), None)
    fetch = "download" in takes or open_ended
    if part is not None and part not in words:
        return _by_name(kind, part, words, fetch, name)
    if ("train" in takes or issubclass(kind, library.MNIST)) and "train" not in words:
        return {side: _made(kind, {**words, "train": side == "train"}, fetch, name) for side in ("train", "test")}
    given = words.get(part) if part is not None else None
    return {(split_name(str(given)) if given else None) or "train": _made(kind, words, fetch, name)}


def rows(dataset: Any, split: str, flat: bool, count: int | None) -> Iterator[Row]:
    """The first `count` rows of a split, or all; a target that is a picture is B, one that is a number a class."""
    from PIL import Image

    names = getattr(dataset, "classes", None)
    for number in islice(range(len(dataset)), count):
        sample = dataset[number]
        image, target = sample[:2] if isinstance(sample, tuple | list) and len(sample) > 1 else (sample, None)
        if isinstance(target, Image.Image):
            yield Row(split, number, {"A": image, "B": target})
            continue
        label = None
        if isinstance(target, int) and not flat:
            label = str(names[target]) if names is not None and target < len(names) else str(target)
        yield Row(split, number, {"": image}, label)


def _of_pictures(kind: Any, base: type) -> bool:
    """Whether it is a dataset, and none of optical flow or stereo, whose modules are private."""
    module = kind.__module__.rpartition(".")[2]
    return isinstance(kind, type) and issubclass(kind, base) and kind is not base and not module.startswith("_")


def _by_name(kind: Any, part: str, words: dict[str, Any], fetch: bool, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for split in _NAMED:
        ours = split_name(split)
        if ours is None or ours in found:
            continue
        try:
            found[ours] = _made(kind, {**words, part: split}, fetch, name)
        except ValueError:  # no split of this name
            continue
    if not found:
        raise UserError(
            "has none of the splits " + ", ".join(_NAMED), where=name, hint=f"--set {part}=NAME, as its page says"
        )
    return found


def _made(kind: Any, words: dict[str, Any], fetch: bool, name: str) -> Any:
    """The dataset from its folder; only where that fails is it fetched. ValueError for a split that it lacks."""
    try:
        try:
            return kind(**words)
        except (RuntimeError, OSError):
            if not fetch:
                raise
            Path(words["root"]).mkdir(parents=True, exist_ok=True)
            return kind(**words, download=True)
    except ValueError:
        raise
    except Exception as error:  # missing files, packages, a network that is away: what it says is what helps
        said = " ".join(str(error).split())[:400]
        raise UserError(
            f"can't be had: {said or type(error).__name__}",
            where=f"torchvision:{name}",
            expected="--root, the folder where torchvision's files of it lie, or a network",
        ) from None
