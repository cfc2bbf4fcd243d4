"""What TensorBoard reads: the events of one stretch of a training."""

from __future__ import annotations

import io
import os
import socket
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from translate.keeping.durable import Growing

_numbers = count()


class Board:
    """An event file in `folder`, continued at `step`: what older files say of later steps is not shown any more.

    TensorBoard's own writer ends for good with its first failed write; this one tries again.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[import-untyped]

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self._file = Growing(folder / name)
        first = [Event(file_version="brain.Event:2")]
        first += [Event(step=step + 1, session_log=SessionLog(status=SessionLog.START))] if step else []
        for event in first:
            with suppress(OSError):  # it comes with the next
                self._add(event)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers by name; OSError where they can't be written now: they come with the next."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

        told = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._add(Event(step=step, summary=Summary(value=told)))

    def image(self, step: int, name: str, png: bytes, height: int, width: int) -> None:
        """A PNG of so many pixels; OSError as for `scalars`."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
        self._add(Event(step=step, summary=Summary(value=[Summary.Value(tag=name, image=image)])))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, event: Any) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

        event.wall_time = time.time()
        record = io.BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        self._file.add(record.getvalue())
