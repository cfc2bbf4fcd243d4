"""Groups of images through the network, several at a time, each in a lane of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter

import numpy as np
import torch

from translate.computing.allocator import keep_freed_memory
from translate.data import images
from translate.formats.form import Array
from translate.formats.values import from_tensor, to_tensor
from translate.inference import memory
from translate.inference.batching import Row, drawn, out_of_memory
from translate.inference.decoding import Alone, Shapes
from translate.inference.encoding import Writer
from translate.inference.model import Model
from translate.inference.outcome import Options, Outcome

Beside = Callable[[Alone], Iterator[Outcome]]


class Lanes:
    """The model, as it is asked for pixels. What memory does not hold in all lanes together goes through fewer of them;
    what it does not hold at once is tried one by one, then left to `beside`, tile by tile."""

    def __init__(self, model: Model, options: Options, shapes: Shapes, writer: Writer, beside: Beside) -> None:
        self._model, self._options, self._shapes = model, options, shapes
        self._writer, self._beside = writer, beside
        self._count = _lanes(model.device.type, single=options.one is not None)
        on_cores = self._count > 1 and model.device.type == "cpu"
        if on_cores:
            keep_freed_memory()
        self._pool = ThreadPoolExecutor(self._count, "network", initializer=_one_core if on_cores else None)
        self._running: deque[tuple[list[Row], Future[tuple[Array | None, float]]]] = deque()

    def translate(self, group: list[Row]) -> Iterator[Outcome]:
        """Takes the group; what is translated goes to the writer, what is not is an outcome, now or later."""
        height, width = group[0][0].pixels.shape[:2]
        fit = memory.batch_size(self._model, self._options.to, height, width, self._count * len(group)) // len(group)
        # One more than there are lanes waits, so that none of them does.
        most = self._count + 1 if fit >= self._count else max(1, fit)
        while len(self._running) >= most:
            yield from self._next()
        self._running.append((group, self._pool.submit(self._pixels, group)))
        while self._running and self._running[0][1].done():
            yield from self._next()

    def rest(self) -> Iterator[Outcome]:
        """All that is still in the lanes."""
        while self._running:
            yield from self._next()

    def finish(self) -> None:
        """Hands over what the network had begun with, and leaves the rest: somebody wants to end."""
        self.close()
        for group, future in self._running:
            if not future.cancelled() and future.exception() is None:
                translated, seconds = future.result()
                if translated is not None:
                    self._hand_over(group, translated, seconds)

    def close(self) -> None:
        """Ends the threads, once they are done with what they have begun."""
        self._pool.shutdown(cancel_futures=True)

    def _next(self) -> Iterator[Outcome]:
        group, future = self._running[0]
        translated, seconds = future.result()  # who is interrupted here still has it among those that run
        self._running.popleft()
        if translated is not None:
            self._hand_over(group, translated, seconds)
            return
        yield from self.rest()  # they hold memory too
        if len(group) > 1:
            for row in group:
                translated, seconds = self._pixels([row])
                if translated is not None:
                    self._hand_over([row], translated, seconds)
                else:
                    yield from self._too_large(row, seconds)
        else:
            yield from self._too_large(group[0], seconds)

    def _hand_over(self, group: list[Row], translated: Array, seconds: float) -> None:
        for (item, job), pixels in zip(group, translated, strict=True):
            strip = images.strip(pixels, self._shapes.channels_out)
            self._writer.put(strip, item, job, item.seconds + seconds / len(group))

    def _too_large(self, row: Row, seconds: float) -> Iterator[Outcome]:
        item, job = row
        if self._shapes.strips:  # they have no tiles
            height, width = item.pixels.shape[:2]
            yield Outcome(job.name, None, seconds, error=f"{width}x{height} pixels do not fit the device's memory")
        else:
            yield from self._beside(Alone((job,), "tiles"))

    def _pixels(self, group: list[Row]) -> tuple[Array | None, float]:
        """The translations [N, H, W, C], None where memory does not suffice, and the seconds that it took."""
        started = perf_counter()
        item = group[0][0]
        try:
            together: Array = np.stack([item.pixels for item, _ in group])
            z = drawn(self._model, self._options, *(job for _, job in group))
            translated = from_tensor(self._model(to_tensor(together), self._options.to, z), item.form.depth)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            return None, perf_counter() - started
        return translated, perf_counter() - started


def _lanes(device: str, single: bool) -> int:
    """On a CPU one for each core, which a network of one image does not keep as busy as images of their own do. On a
    GPU two: while one waits for its pixels to be copied, the other one's are computed."""
    if single:
        return 1
    return {"cpu": torch.get_num_threads(), "cuda": 2}.get(device, 1)


def _one_core() -> None:
    torch.set_num_threads(1)  # of the calling thread alone
