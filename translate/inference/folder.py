"""A folder of images in, the same folder translated out; decoding, network and encoding overlap."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

from translate.domain import Domain
from translate.inference import alone, memory, plan
from translate.inference.batching import MOST, Groups
from translate.inference.decoding import Alone, Reader, Shapes
from translate.inference.encoding import Writer
from translate.inference.lanes import Lanes
from translate.inference.model import Model
from translate.inference.outcome import DiskFull, Options, Outcome, Summary
from translate.inference.places import Place
from translate.inference.plan import Job


def apply(
    model: Model,
    input: Path | str,
    output: Path | str,
    to: Domain,
    batch: int | None = None,
    overwrite: bool = False,
    progress: Callable[[Summary], None] = lambda summary: None,
    samples: int | None = None,
    seed: int = 0,
) -> Summary:
    """Translate the image or folder `input` to domain `to` into `output`; relative path, name, format, size and depth
    stay.

    What exists is skipped unless `overwrite`; an image that can't be read or written is named in the summary, the rest
    is done. `progress` hears the summary after each image. Of several frames, strips are read and written. A
    stochastic model makes `samples` of each image, in the folders 1, 2 and so on of `output`, or, without a number,
    the first of these in `output` itself; which one follows from (seed, relative path, its number) alone.
    Raises UserError for paths that can't work and for a full disk.
    """
    options = Options(to, samples, seed, batch, overwrite=overwrite)
    source, target, options = plan.prepare(str(input), str(output), options)
    summary = Summary()
    with closing(work(model, plan.jobs(source, target, options, summary.passed), source, target, options)) as outcomes:
        for _ in summary.gather(outcomes, source.label):
            progress(summary)
    return summary


def work(
    model: Model,
    jobs: Iterator[Job],
    source: Place,
    target: Place,
    options: Options,
    watch: Callable[[str], None] = lambda text: None,
) -> Generator[Outcome, None, None]:
    """What becomes of each job, as soon as it is known; memory does not grow with their number. Images of one size and
    depth go through the network together: what comes out depends on neither neighbours nor order, and on the length of
    a batch by the rounding of floats at most. `watch` hears how far a large picture or a video is. Raises DiskFull."""
    to = options.to
    shapes = Shapes(model.channels[to.other], model.frames[to.other], model.channels[to], model.frames[to], model.size)
    threads = options.workers or min(8, os.cpu_count() or 1)
    most = options.batch or MOST
    reader = Reader(source, target, options, shapes, memory.whole_limit(model, to), threads, most + threads)
    writer = Writer(target, options, threads, most + threads)
    groups = Groups(model, to, options.batch)

    def beside(item: Alone) -> Iterator[Outcome]:
        return alone.translated(model, item, source, target, options, shapes, watch)

    lanes = Lanes(model, options, shapes, writer, beside)

    try:
        for found in reader.read(jobs):
            yield from found.outcomes
            if isinstance(found.item, Alone):
                yield from lanes.rest()  # what is alone has the memory and all cores
                yield from beside(found.item)
            elif found.item is not None:
                for group in groups.add(found.item):
                    yield from lanes.translate(group)
            yield from writer.finished()
        for group in groups.rest():
            yield from lanes.translate(group)
            yield from writer.finished()
        yield from lanes.rest()
        yield from writer.rest()
    except DiskFull:
        yield from writer.written()
        raise
    except KeyboardInterrupt:
        lanes.finish()
        yield from writer.written()
        raise
    finally:
        reader.close()
        lanes.close()
        writer.close()
