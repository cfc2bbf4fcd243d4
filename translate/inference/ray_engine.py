"""The same work on a Ray cluster: a listing that streams, and a pool of workers that each load the model once."""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from translate.errors import UserError
from translate.inference.outcome import Options, Outcome, Tally
from translate.inference.places import Folder, Place, unfinished
from translate.inference.ray_cluster import cluster, last_line, workers
from translate.inference.remote import Remote

if TYPE_CHECKING:
    from translate.inference.ray_worker import Report, Setting, Share, Worker

    Message = Share | Report | UserError

_AGAIN = "the same command again: it does what is missing"


def work_on_ray(
    run: Path,
    checkpoint: str,
    device: str,
    source: Place,
    target: Place,
    options: Options,
    address: str | None,
    tally: Tally,
) -> Iterator[Outcome]:
    """As `folder.work` of all `plan.jobs`, on the Ray cluster at `address`, or on one that is started here for it.

    Every machine must see `run`, `source` and `target`. A share of the images whose worker dies is begun again, and
    what that worker had written counts as skipped; an image that ends one worker after the other is a failure. `tally`
    is kept up to date. Raises UserError for what ends it all: no cluster, no model on a machine, a full disk.
    """
    if find_spec("ray") is None:
        raise UserError("Ray is not installed", where="--engine ray", hint="pip install 'translate-gan[ray]'")
    for place in (source, target):
        if isinstance(place, Remote) and place.within_process:
            raise UserError(
                "this place lives within one process, where the workers of Ray can't reach it",
                where=place.label(),
                expected="a folder that all machines share, or a URL such as s3://bucket/folder",
                hint="--engine local",
            )
    with cluster(address), _token(target) as token:
        count, resources = workers(device)
        setting = _setting(run, checkpoint, device, source, target, options, token, resources)
        yield from _outcomes(_messages(setting, count, resources), tally)


def _outcomes(messages: Iterator[Message], tally: Tally) -> Iterator[Outcome]:
    from translate.inference.ray_worker import Report

    heard, expected = 0, None
    for message in messages:
        if isinstance(message, UserError):
            raise message
        for field in fields(tally):  # shares are finished in any order
            setattr(tally, field.name, max(getattr(tally, field.name), getattr(message.tally, field.name)))
        if isinstance(message, Report) and message.shares is not None:
            expected = message.shares
        elif isinstance(message, Report):
            heard += 1
            yield from message.outcomes
    if heard != expected:
        raise UserError("the listing broke off on the cluster", where="--engine ray", hint=_AGAIN)


def _setting(
    run: Path,
    checkpoint: str,
    device: str,
    source: Place,
    target: Place,
    options: Options,
    token: str | None,
    resources: dict[str, Any],
) -> Setting:
    from translate.inference.ray_worker import Setting

    on_gpu = "num_gpus" in resources
    return Setting(
        run=os.path.abspath(run),
        checkpoint=os.path.abspath(checkpoint) if os.path.isfile(checkpoint) else checkpoint,
        device="cuda" if on_gpu else "cpu" if device == "auto" else device,
        source=_absolute(source),
        target=_absolute(target),
        options=options,
        folder=os.getcwd(),
        threads=0 if on_gpu else int(resources["num_cpus"]),
        token=token,
    )


def _absolute(place: Place) -> Place:
    return Folder(Path(os.path.abspath(place.path))) if isinstance(place, Folder) else place


@contextmanager
def _token(target: Place) -> Iterator[str | None]:
    """A hidden file in the target while the workers run, by which they know that they see the same folder."""
    if not isinstance(target, Folder):
        yield None
        return
    name = unfinished("ray")
    path = target.path / name
    path.touch()
    try:
        yield name
    finally:
        path.unlink(missing_ok=True)


# --- Ray Data


def _messages(setting: Setting, count: int, resources: dict[str, Any]) -> Iterator[Message]:
    """What the listing and the workers have to say, as it comes. UserError where the cluster gives up."""
    import ray

    # The listing and the journal stay on this machine: whichever other one is lost, they are not.
    node = f"node:{ray.util.get_node_ip_address()}"
    here = {node: 0.001} if node in ray.cluster_resources() else {}
    try:
        from translate.inference.ray_worker import Journal

        journal = ray.remote(num_cpus=0, resources=here)(Journal).remote()
        with _quiet():
            dataset = _dataset(setting, partial(_ask, journal), count, resources, here)
            for row in dataset.iter_rows():
                yield pickle.loads(row["message"])
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the Ray cluster gave up: {last_line(error)}",
            where="--engine ray",
            expected="this version of translate-gan on every machine of the cluster",
            hint=_AGAIN,
        ) from error


def _dataset(setting: Setting, ask: Any, count: int, resources: dict[str, Any], here: dict[str, Any]) -> Any:
    from ray import data

    listed = data.from_items([0], override_num_blocks=1).map_batches(
        partial(_list, setting=setting, ask=ask), batch_size=None, batch_format="numpy", num_cpus=0, resources=here
    )
    pool = data.ActorPoolStrategy(min_size=1, max_size=count, max_tasks_in_flight_per_actor=2)
    return listed.map_batches(
        _Actor,
        fn_constructor_args=(pickle.dumps(setting), ask),
        compute=pool,
        batch_size=None,
        batch_format="numpy",
        **resources,
    )


def _list(batch: dict[str, Any], setting: Setting, ask: Any) -> Iterator[dict[str, Any]]:
    from translate.inference.ray_worker import listing

    yield from (_row(message) for message in listing(setting, ask))


class _Actor:
    """A worker, as Ray Data calls it. One that can't be had says why, where Ray would try again and again."""

    def __init__(self, setting: bytes, ask: Any) -> None:
        self._worker: Worker | None = None
        try:
            from translate.inference.ray_worker import Worker

            self._worker = Worker(pickle.loads(setting), ask)
        except Exception as error:
            self._refusal = UserError(
                f"a worker on {socket.gethostname()} can't begin: {last_line(error)}",
                where="--engine ray",
                expected="translate-gan with all that it needs, in the same version, on every machine of the cluster",
            )

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for message in batch["message"]:
            yield _row(self._refusal if self._worker is None else self._worker.work(pickle.loads(message)))


def _row(message: Message) -> dict[str, Any]:
    """One row, as bytes: names of any bytes are no text that Arrow holds."""
    import numpy as np

    return {"message": np.array([pickle.dumps(message)], dtype=object)}


def _ask(journal: Any, question: str, *arguments: object) -> Any:
    import ray

    return ray.get(getattr(journal, question).remote(*arguments))


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray Data without bars and messages, and with each row a block of its own, so that the listing streams."""
    from ray import data

    context = data.DataContext.get_current()
    wanted = {"target_max_block_size": 1, "enable_progress_bars": False, "print_on_execution_start": False}
    before = {name: getattr(context, name) for name in wanted}
    logger = logging.getLogger("ray.data")
    level = logger.level
    try:
        for name, value in wanted.items():
            setattr(context, name, value)
        logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        logger.setLevel(level)
