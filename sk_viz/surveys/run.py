"""A survey: what a model's units do with many pictures, stored so that it can be gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sk_viz.datasets.sources import fingerprint, open_source, spread
from sk_viz.errors import ModelError, PictureError
from sk_viz.networks.device import device_errors
from sk_viz.networks.engine import EAGER
from sk_viz.surveys.engines import local as engine_local
from sk_viz.surveys.plan import (
    PROTOCOLS,
    SCALES,
    Plan,
    batch_size,
    build_header,
    check_conditions,
    engine_name,
    refuse_other,
    survey_record,
)
from sk_viz.surveys.store import Store
from sk_viz.surveys.worker import Step

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

Engine = Literal["local", "ray"]

# Pictures in a part: what a kill can cost, against the number of files of a large survey.
PART_SIZE = 256


@dataclass(frozen=True)
class SurveyProgress:
    """How far a survey is.

    Attributes:
        done: pictures measured, those of earlier runs among them.
        total: pictures of the survey.
        unreadable: pictures of this run that could not be read.
        rate: pictures a second in this run, 0 before the first.
        seconds_left: at that rate; None before the first.
    """

    done: int
    total: int
    unreadable: int
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class SurveySummary:
    """What a run of a survey came to.

    Attributes:
        folder: where it is stored.
        pictures: pictures of the survey.
        measured: pictures measured by this run; 0 when there was nothing left to do.
        rate: pictures a second in this run.
    """

    folder: Path
    pictures: int
    measured: int
    rate: float


def run_survey(
    model_id: str,
    source: str | Path,
    out: str | Path,
    scales: Sequence[float] = SCALES,
    protocols: Sequence[str] = PROTOCOLS,
    engine: Engine = "local",
    limit: int | None = None,
    channels: bool = False,
    progress: Callable[[SurveyProgress], None] | None = None,
    *,
    device: str = "auto",
    address: str | None = None,
    part_size: int | None = None,
) -> SurveySummary:
    """Measure every picture of a source, under each protocol at each scale.

    Started again with the same arguments on the same folder, also after it was killed, it goes
    on where it stopped and ends with the same table.

    Args:
        model_id: of ``sk_viz.load_model``.
        source: see :func:`~sk_viz.datasets.sources.open_source`.
        out: the survey's folder: new, empty, or of the same survey.
        scales: each once; 1.0 is what changes are measured against.
        protocols: of ``zoom``, ``blur``, ``resolution`` and ``object``.
        engine: ``local``, or ``ray`` for a cluster (``pip install "ray[data]"``).
        limit: at most so many pictures, evenly spread over the source.
        channels: keep the weight of every channel of every picture. Without it the sums over
            all pictures are kept for every channel.
        progress: called after each batch; what it raises ends the run, which can be gone on with.
        device: of ``sk_viz.load_model``.
        address: of a Ray cluster; without it one is started on this machine.
        part_size: pictures that are stored at once, so what stopping can cost; ``PART_SIZE`` by
            default, and what the survey began with when it is gone on with.

    Raises:
        PictureError: no pictures, a folder that cannot be used or that another survey is in.
        ModelError: a model, device or engine that cannot be used, or a device that is lost.
        ScaleError: scales and protocols that make no sense together.
    """
    from sk_viz.zoo.model import load_model

    if engine not in ("local", "ray"):
        raise ModelError(f"There is no engine {engine!r}: choose local or ray.")
    if limit is not None and limit < 1:
        raise PictureError(f"A survey of {limit} pictures says nothing: give at least 1.")
    pictures = open_source(source)
    model = load_model(model_id, device)
    conditions = check_conditions(scales, protocols, model.preprocessing.input_size)
    digest, found = fingerprint(pictures)
    if not found:
        raise PictureError(f"There are no pictures in {str(source)!r}: choose another source.")
    total = found if limit is None else min(limit, found)
    store = Store(out)
    # Surveys of the first version do not name what read them: it was eager torch.
    begun_with = store.header()["record"].get("engine", EAGER) if store.exists else None
    engine_used = engine_name(model, total * len(conditions), begun_with)
    header = build_header(
        survey_record(model, protocols, scales, digest, engine_used),
        model,
        pictures,
        found=found,
        pictures=total,
        channels=channels,
        part_size=part_size or PART_SIZE,
    )
    with store.locked():
        if store.exists:
            refuse_other(store.header(), header, str(out))
        else:
            store.begin(header, spread(pictures.refs(), found, limit), header["part_size"])
        kept = store.header()
        plan = Plan(
            folder=str(store.folder.resolve()),
            source=pictures,
            conditions=conditions,
            channels=channels,
            part_size=kept["part_size"],
            batch=batch_size(model),
            record=header["record"],
        )
        with device_errors():
            return _run(plan, model, store, total, engine, address, progress)


def _run(
    plan: Plan,
    model: Model,
    store: Store,
    total: int,
    engine: Engine,
    address: str | None,
    progress: Callable[[SurveyProgress], None] | None,
) -> SurveySummary:
    count = -(-total // plan.part_size)
    there = set(store.parts())
    missing = [part for part in range(count) if part not in there]
    begun_with = total - sum(min(plan.part_size, total - p * plan.part_size) for p in missing)
    done, unreadable, rate = begun_with, 0, 0.0

    def tell() -> None:
        if progress is not None:
            left = (total - done) / rate if rate else None
            progress(SurveyProgress(done, total, unreadable, rate, left))

    tell()
    started = time.monotonic()
    steps = _steps(plan, model, missing, engine, address)
    for step in steps:
        done += step.pictures
        unreadable += step.unreadable
        rate = (done - begun_with) / max(time.monotonic() - started, 1e-9)
        tell()
    return SurveySummary(store.folder, total, done - begun_with, rate)


def _steps(
    plan: Plan, model: Model, missing: Sequence[int], engine: Engine, address: str | None
) -> Iterator[Step]:
    if not missing:
        return iter(())
    if engine == "local":
        return engine_local.run(plan, model, missing)
    from sk_viz.surveys.engines import ray as engine_ray

    return engine_ray.run(plan, model, missing, address)
