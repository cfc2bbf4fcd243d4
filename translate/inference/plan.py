"""Which file becomes which; refuses paths that can't work before anything heavy is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from translate.data.images import FORMATS
from translate.data.layouts import ENDINGS
from translate.errors import UserError
from translate.formats.video import ENDINGS as VIDEOS
from translate.formats.video import target_ending
from translate.inference import places
from translate.inference.naming import ending_of, new_ending, output_of
from translate.inference.outcome import Options, Tally
from translate.inference.places import Folder, Place


@dataclass(frozen=True)
class Job:
    """An output to be made: `name` in the source place becomes `target` in the target place; `sample`: which of the
    many outputs of its source. `refused`: why it can't be made, where that is known already."""

    name: str
    target: str
    sample: int = 1
    refused: str | None = None


def prepare(input: str, output: str, options: Options) -> tuple[Place, Place, Options]:
    """The places of two paths or URLs, and the options, which say in `one` if a single image is meant. The output's
    folder is made. Raises UserError for what can't work."""
    source, name = places.split(input)
    if name is None:
        target = places.place(output)
        _refuse_overlap(source, target, options)
        _refuse_empty(source, options)
    else:
        target, named = _file_of(output, name, options)
        options = replace(options, one=(name, named))
        for job in jobs(source, target, options, Tally()):
            if _real(target, job.target) == _real(source, name):
                raise UserError(f"{source.label(name)} would be overwritten", where=output, expected="another OUTPUT")
    target.check_writable()
    return source, target, options


def jobs(source: Place, target: Place, options: Options, tally: Tally) -> Iterator[Job]:
    """The outputs to be made, as the listing goes on; those of one source follow one another. `tally` counts what is
    passed over."""
    numbers = [None] if options.samples is None else range(1, options.samples + 1)
    guard = _Guard(source, target)
    for name, refused in names(source, options, tally):
        if options.one is not None:
            written, refused = options.one[1], None
        elif refused is None:
            written, refused = output_of(source, name, options)
        else:
            written = name
        for number in numbers:
            path = written if number is None else f"{number}/{written}"
            inside = options.one is None and refused is None and guard.inside(path)
            why = f"its output {target.label(path)} would lie in the input folder" if inside else refused
            yield Job(name, path, number or 1, why)


def names(source: Place, options: Options, tally: Tally) -> Iterator[tuple[str, str | None]]:
    """(name, why it can't be read or None) of each file to be translated, in no order; the others are counted."""
    if options.one is not None:
        yield options.one[0], None
        return
    for entry in source.walk():
        ending = ending_of(entry.name)
        if entry.kind == "unreadable":
            yield entry.name, "this folder can't be listed"
        elif entry.kind == "hidden":
            tally.hidden += 1
        elif entry.kind == "outside":
            tally.outside += 1
        elif ending in ENDINGS or (options.frames and ending in VIDEOS):
            yield entry.name, None
        elif ending in VIDEOS:
            tally.videos += 1
        else:
            tally.other += 1


# --- paths that can't work


def _file_of(output: str, name: str, options: Options) -> tuple[Place, str]:
    """Where the only image goes: a file that OUTPUT names, or one in the folder OUTPUT."""
    own, wanted = ending_of(name), ending_of(output)
    known = VIDEOS if own in VIDEOS else ENDINGS
    if own not in ENDINGS and own not in VIDEOS:
        raise UserError("this is no image", where=name, expected="a folder, or a file ending in " + _listed(ENDINGS))
    if own in VIDEOS and not options.frames:
        raise UserError("this is a video", where=name, hint="--frames, which translates every frame")
    if wanted not in known or (not places.is_url(output) and Path(output).is_dir()):
        return places.place(output), os.path.splitext(name)[0] + (new_ending(own, options) or os.path.splitext(name)[1])
    if options.samples is not None:
        raise UserError("this names a file", where=output, expected="a folder, for the folders of the samples")
    if options.format is not None and FORMATS.get(wanted) != FORMATS[options.format]:
        raise UserError("this is another format than --format says", where=output, expected="one of the two")
    if own in VIDEOS and target_ending(output).lower() != wanted:
        raise UserError("such videos are not written", where=output, expected="a file ending in .mp4, .mov or .mkv")
    if places.is_url(output):
        folder, _, file = output.rpartition("/")
        return places.place(folder), file
    return Folder(Path(output).parent), Path(output).name


class _Guard:
    """Whether an output would lie in the input folder: also where the output folder lies around it, or a link leads
    from one into the other."""

    def __init__(self, source: Place, target: Place) -> None:
        self._target, self._root = target, _real(source)
        self._last: tuple[str, bool] | None = None

    def inside(self, path: str) -> bool:
        folder = os.path.dirname(path)
        if self._last is None or self._last[0] != folder:
            self._last = folder, _within(_real(self._target, folder), self._root)
        return self._last[1]


def _real(place: Place, name: str = "") -> str:
    """Where it really is: two names of one file are equal."""
    return os.path.realpath(place.path / name) if isinstance(place, Folder) else place.label(name).rstrip("/")


def _within(path: str, root: str) -> bool:
    separator = os.sep if os.path.isabs(root) else "/"
    return path == root or path.startswith(root.rstrip(separator) + separator)


def _refuse_overlap(source: Place, target: Place, options: Options) -> None:
    root = _real(source)
    if _within(_real(target), root):
        raise UserError(
            "the output lies inside the input folder: the next time it would be translated again",
            where=target.label(),
            expected="a folder outside of " + source.label(),
        )
    for number in range(1, (options.samples or 0) + 1):
        if _within(root, _real(target, str(number))) or _within(_real(target, str(number)), root):
            raise UserError(
                f"images of {source.label()} would be overwritten", where=target.label(), expected="another OUTPUT"
            )


def _refuse_empty(source: Place, options: Options) -> None:
    tally = Tally()
    if next(names(source, options, tally), None) is None:
        raise UserError(
            f"no images here ({tally.other + tally.hidden} other files, {tally.videos} videos, "
            f"{tally.outside} links that lead outside)",
            where=source.label(),
            expected="files ending in " + _listed(ENDINGS),
            hint="--frames, which translates videos" if tally.videos else None,
        )


def _listed(endings: Iterable[str]) -> str:
    return ", ".join(sorted(endings))
