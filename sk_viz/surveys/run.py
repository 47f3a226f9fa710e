"""A survey: what a model's units do with many pictures, stored so that it can be resumed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from torch import nn

from sk_viz.datasets.coverage import Coverage
from sk_viz.datasets.entries import Dataset
from sk_viz.datasets.known import check_split
from sk_viz.datasets.left_out import OTHER_SPLIT, LeftOut
from sk_viz.datasets.opening import fingerprint, of_split, open_dataset, spread
from sk_viz.errors import ModelError, PictureError
from sk_viz.networks.device import device_errors
from sk_viz.networks.engine import EAGER
from sk_viz.surveys.coverage import survey_coverage
from sk_viz.surveys.engines import local as engine_local
from sk_viz.surveys.plan import (
    PROTOCOLS,
    SCALES,
    SurveyPlan,
    batch_size,
    build_header,
    check_conditions,
    check_once,
    engine_name,
    refuse_other,
    survey_record,
)
from sk_viz.surveys.size import survey_nulls, with_partners
from sk_viz.surveys.store import Store
from sk_viz.surveys.worker import BatchCount

if TYPE_CHECKING:
    from sk_viz.zoo.given import as_loaded
from sk_viz.zoo.load import load_model
from sk_viz.zoo.model import Model

Engine = Literal["local", "ray"]

# Pictures in a part: what a kill can cost, against the number of files of a large survey.
PART_SIZE = 256


@dataclass(frozen=True)
class SurveyProgress:
    """How far a survey is.

    Attributes:
        done: pictures looked at, those of earlier runs and unreadable ones among them.
        total: pictures of the survey.
        unreadable: pictures of this run that could not be read.
        rate: pictures per second in this run, 0 before the first.
        seconds_left: at that rate; None before the first.
    """

    done: int
    total: int
    unreadable: int
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class SurveySummary:
    """The outcome of a run of a survey.

    Attributes:
        folder: where it is stored.
        pictures: pictures of the survey.
        measured: pictures read and measured by this run; 0 when there was nothing left to do.
        rate: pictures per second in this run, unreadable ones among them.
        coverage: what became of everything that the data set holds, over all runs.
    """

    folder: Path
    pictures: int
    measured: int
    rate: float
    coverage: Coverage


def run_survey(
    model: str | Model | nn.Module,
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
    split: str | None = None,
) -> SurveySummary:
    """Measure every picture of a data set, under each protocol at each scale.

    Started again with the same arguments on the same folder, also after it was killed, it resumes
    and ends with the same table.

    Args:
        model: an id or path of ``sk_viz.load_model``, a loaded model, or a torch module.
        source: see :func:`~sk_viz.datasets.opening.open_dataset`.
        out: the survey's folder: new, empty, or of the same survey.
        scales: each once; 1.0, which changes are measured against, among them.
        protocols: of ``sk_viz.pictures.PROTOCOLS``, and ``CHECKS`` that are compared with them;
            the controls ``tile`` and ``window`` bring the stimuli that they need along.
        engine: ``local``, or ``ray`` for a cluster (``pip install "ray[data]"``).
        limit: measure at most N pictures, evenly spread over the data set.
        channels: keep the weight of every channel of every picture. Without it the sums over
            all pictures are kept for every channel.
        progress: called after each batch; what it raises ends the run, which can be resumed.
        device: of ``sk_viz.load_model``, where an id or path is given.
        address: of a Ray cluster; without it one is started on this machine.
        part_size: pictures that are stored at once, so what stopping can cost; ``PART_SIZE`` by
            default, and what the survey began with when it is resumed.
        split: measure the pictures of this split alone, such as ``val``; all of them when None.

    Raises:
        PictureError: no pictures, none that can be read, no such split, a folder that cannot be
            used or that another survey is in.
        ModelError: a model, device or engine that cannot be used, or a device that is lost.
        ScaleError: scales and protocols that make no sense together, or no scale 1.
    """
    if engine not in ("local", "ray"):
        raise ModelError(f"There is no engine {engine!r}: choose local or ray.")
    if limit is not None and limit < 1:
        raise PictureError(f"A survey of {limit} pictures says nothing: give at least 1.")
    dataset = open_dataset(source)
    model = load_model(model, device) if isinstance(model, str) else as_loaded(model)
    if model.kind == "given" and engine == "ray":
        raise ModelError(
            f"Ray loads a model by its id on each machine, and {model.id} has none: choose the "
            "engine local."
        )
    check_once(protocols)  # as they were given: the partners are added below
    protocols = with_partners(protocols)
    conditions = check_conditions(scales, protocols, model.preprocessing.input_size)
    stamp = fingerprint(of_split(dataset.abouts(), split))
    left_out, found = _left_out(dataset, split), stamp.pictures
    total = found if limit is None else min(limit, found)
    store = Store(out)
    # Surveys of the first version do not name what read them: it was eager torch.
    begun_with = store.header()["record"].get("engine", EAGER) if store.exists else None
    engine_used = engine_name(model, total * len(conditions), begun_with)
    header = build_header(
        survey_record(model, protocols, scales, stamp.sha256, engine_used),
        model,
        dataset,
        left_out=left_out,
        found=found,
        pictures=total,
        channels=channels,
        part_size=part_size or PART_SIZE,
    )
    with store.locked():
        if store.exists:
            refuse_other(store.header(), header, str(out))
        else:
            chosen = spread(of_split(dataset.abouts(), split), found, limit)
            header["nulls"] = survey_nulls(model, protocols, scales)
            store.begin(header, chosen, header["part_size"])
        stored = store.header()
        plan = SurveyPlan(
            folder=str(store.folder.resolve()),
            dataset=dataset,
            conditions=conditions,
            channels=channels,
            part_size=stored["part_size"],
            batch=batch_size(model),
            record=header["record"],
        )
        with device_errors():
            return _run(plan, model, store, total, engine, address, progress)


def _left_out(dataset: Dataset, split: str | None) -> LeftOut:
    """What a data set holds besides the pictures of a split.

    Raises:
        PictureError: there is no such split.
    """
    if split is None:
        return dataset.left_out
    left_out, splits = dataset.left_out.merged(LeftOut()), Counter[str | None]()
    for about in dataset.abouts():
        splits[about.split] += 1
        if about.split != split:
            left_out.add(OTHER_SPLIT, about.name, about.split or "")
    check_split(split, splits)
    return left_out


def _run(
    plan: SurveyPlan,
    model: Model,
    store: Store,
    total: int,
    engine: Engine,
    address: str | None,
    progress: Callable[[SurveyProgress], None] | None,
) -> SurveySummary:
    parts = -(-total // plan.part_size)
    there = set(store.parts())
    missing = [part for part in range(parts) if part not in there]
    begun_with = total - sum(min(plan.part_size, total - p * plan.part_size) for p in missing)
    done, unreadable, rate = begun_with, 0, 0.0

    def tell() -> None:
        if progress is not None:
            left = (total - done) / rate if rate else None
            progress(SurveyProgress(done, total, unreadable, rate, left))

    tell()
    started = time.monotonic()
    for count in _counts(plan, model, missing, engine, address):
        done += count.pictures
        unreadable += count.unreadable
        rate = (done - begun_with) / max(time.monotonic() - started, 1e-9)
        tell()
    coverage = survey_coverage(store)
    if not coverage.measured:
        first = next(row["detail"] for row in coverage.left_out.rows() if row["detail"])
        raise PictureError(f"None of the {total:,} pictures can be read. The first: {first}")
    return SurveySummary(store.folder, total, done - begun_with - unreadable, rate, coverage)


def _counts(
    plan: SurveyPlan, model: Model, missing: Sequence[int], engine: Engine, address: str | None
) -> Iterator[BatchCount]:
    if not missing:
        return iter(())
    if engine == "local":
        return engine_local.run(plan, model, missing)
    from sk_viz.surveys.engines import ray as engine_ray

    return engine_ray.run(plan, model, missing, address)
