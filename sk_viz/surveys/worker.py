"""From pictures to the rows of a part: decoding beside the network, batches, and the tables."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sk_viz.datasets.entries import Entry
from sk_viz.datasets.matching import ClassMatcher
from sk_viz.errors import ModelError, PictureError
from sk_viz.networks.engine import EAGER, Engine, engine_of
from sk_viz.networks.pooling import pooled_gates
from sk_viz.networks.readout import Readout
from sk_viz.pictures import Box, normalise, read_picture, stimuli
from sk_viz.pictures.decoding.ahead import map_ahead
from sk_viz.preprocessing import Preprocessing
from sk_viz.surveys.plan import SurveyPlan
from sk_viz.surveys.store import Store
from sk_viz.surveys.tables import Forward, Measured, PartTables, Prepared

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

Floats = npt.NDArray[np.float32]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class BatchCount:
    """What a worker has just finished.

    Attributes:
        pictures: how many more pictures are done, unreadable ones among them.
        unreadable: how many of them could not be read.
    """

    pictures: int
    unreadable: int


class Worker:
    """Measures parts of a survey with one model on one device.

    Args:
        plan: how.
        model: loaded, on the device to use.
        decoders: how many pictures are decoded at a time; the results do not depend on it.

    Raises:
        ModelError: this machine reads the model with another engine than the survey's.
    """

    def __init__(self, plan: SurveyPlan, model: Model, decoders: int) -> None:
        self.plan = plan
        self.model = model
        self.decoders = decoders
        engine = None if plan.record["engine"] == EAGER else self._engine()
        self.read: Engine | Readout = engine or model.readout
        self.streams = engine.streams if engine else 1
        self.store = Store(plan.folder)
        self.classes = ClassMatcher.of(model, plan.dataset.wordnet_ids)

    def _engine(self) -> Engine:
        """The survey's, which is built even where it would not pay for this worker's share."""
        side, wanted = self.model.preprocessing.input_size, self.plan.record["engine"]
        engine = engine_of(
            self.model.readout, self.model.device, side, pictures=math.inf, many=True
        )
        if engine is None or engine.name != wanted:
            raise ModelError(
                f"The survey reads with {wanted}, this machine with "
                f"{engine.name if engine else EAGER}: install the same packages on every machine."
            )
        return engine

    def run(self, parts: Iterable[int]) -> Iterator[BatchCount]:
        """Measure and store parts one after the other.

        The last of a part is yielded after the part is in place; those before are not stored yet.
        """
        numbered = ((part, ref) for part in parts for ref in self.store.refs(part))
        for_parts, for_refs = itertools.tee(numbered)
        # One pass through the source for all parts, so that a table is not read again for each.
        entries = zip(
            (part for part, _ in for_parts),
            self.plan.dataset.entries(ref for _, ref in for_refs),
            strict=True,
        )
        group_size = max(1, self.plan.batch // len(self.plan.conditions))
        ahead = (self.streams + 1) * group_size + self.decoders
        with (
            ThreadPoolExecutor(1, "read") as reader,
            ThreadPoolExecutor(self.decoders, "decode") as pool,
            ThreadPoolExecutor(self.streams, "network") as network,
        ):
            ready = map_ahead(pool, self._prepare, _elsewhere(reader, entries, ahead), ahead)
            groups = _groups(ready, group_size)
            measured = map_ahead(network, self._measure, groups, self.streams + 1)
            for part, of_part in itertools.groupby(measured, key=lambda pair: pair[0]):
                tables = PartTables(self.plan, self.model, part)
                counted: BatchCount | None = None
                for _, group in of_part:
                    if counted is not None:
                        yield counted
                    tables.add(group)
                    counted = BatchCount(len(group.pictures), sum(map(bool, group.errors)))
                self.store.write_part(part, *tables.finish())
                if counted is not None:
                    yield counted

    def _prepare(self, numbered: tuple[int, Entry]) -> tuple[int, Prepared]:
        part, entry = numbered
        try:
            return part, prepare(entry, self.plan, self.model.preprocessing)
        except PictureError as error:
            return part, Prepared(entry, error=str(error), reason=error.reason)

    def _measure(self, numbered: tuple[int, list[Prepared]]) -> tuple[int, Measured]:
        """Read all stimuli of some pictures, those of one size and pooling together."""
        part, pictures = numbered
        flat = [x for picture in pictures for x in picture.inputs]
        pools = [pool for picture in pictures for pool in picture.pools]

        def kind(n: int) -> tuple[int, tuple[float, ...]]:
            return flat[n].shape[-1], tuple(pools[n] or ())

        order = sorted(range(len(flat)), key=kind)
        alike = [list(same) for _, same in itertools.groupby(order, key=kind)]
        read = [
            one
            for numbers in alike
            for one in self._forward([flat[n] for n in numbers], pools[numbers[0]])
        ]
        place = np.empty(len(flat), np.intp)  # of an input in what was read
        place[order] = np.arange(len(flat))
        firsts = itertools.accumulate((len(p.inputs) for p in pictures), initial=0)
        return part, Measured(
            pictures,
            [self._class_index(picture.entry.about.label) for picture in pictures],
            Forward.of(read, self.model.units) if read else None,
            [
                place[[first + shown for shown in p.shown]]
                for p, first in zip(pictures, firsts, strict=False)
            ],
        )

    def _class_index(self, label: str | None) -> int | None:
        match = None if label is None else self.classes(label)
        return None if match is None else match.index

    def _forward(
        self, inputs: list[Floats], pool: Box | None
    ) -> Iterator[tuple[Floats, list[Floats]]]:
        """What the network returns for n stimuli of one size and pooling, in batches that fit."""
        read_by = self.read if pool is None else self.model.readout
        size = self.plan.batch
        start = 0
        while start < len(inputs):
            tensor = torch.from_numpy(np.stack(inputs[start : start + size]))
            try:
                with torch.inference_mode(), self._pooling(pool):
                    found, chosen = read_by(tensor.to(self.model.device))
                    read = _array(found), [_array(weights) for weights in chosen]
            except torch.OutOfMemoryError as error:
                if size == 1:
                    raise ModelError(
                        f"The memory of {self.model.device} is too small for one picture of "
                        f"{tensor.shape[-1]} pixels: choose the device cpu."
                    ) from error
                size //= 2
                continue
            yield read
            start += size

    def _pooling(self, pool: Box | None) -> AbstractContextManager[None]:
        if pool is None:
            return nullcontext()
        return pooled_gates(self.model.network, self.model.units, pool)


def prepare(entry: Entry, plan: SurveyPlan, preprocessing: Preprocessing) -> Prepared:
    """Decode a picture and make its stimuli, equal ones once.

    Raises:
        PictureError: it cannot be read.
    """
    if isinstance(entry.data, PictureError):
        raise entry.data
    picture = read_picture(entry.data, entry.about.name, isolated=True)
    protocols = dict.fromkeys(protocol for protocol, _ in plan.conditions)
    made = [
        stimulus
        for protocol in protocols
        for stimulus in stimuli(
            picture,
            [scale for other, scale in plan.conditions if other == protocol],
            protocol,
            preprocessing,
        )
    ]
    # Zoom and blur by 1.0 are one and the same stimulus: a network need not see it twice.
    different: dict[tuple[bytes, Box | None], int] = {}
    shown = tuple(different.setdefault((s.rgb.tobytes(), s.pool), len(different)) for s in made)
    first = [shown.index(i) for i in range(len(different))]
    area = None
    if entry.box is not None:
        x0, y0, x1, y1 = entry.box
        width = min(x1, picture.width) - max(x0, 0)
        height = min(y1, picture.height) - max(y0, 0)
        if width > 0 and height > 0:
            area = width * height / (picture.width * picture.height)
    return Prepared(
        entry,
        picture.sha256,
        area,
        tuple(normalise(made[i].rgb, preprocessing) for i in first),
        tuple(made[i].pool for i in first),
        shown,
    )


def _elsewhere(pool: ThreadPoolExecutor, items: Iterable[T], count: int) -> Iterator[T]:
    """The same items, drawn by the one thread of a pool, up to ``count`` ahead of the reader."""
    iterator = iter(items)

    def draw() -> list[T]:
        return list(itertools.islice(iterator, 1))

    waiting = deque(pool.submit(draw) for _ in range(count))
    while drawn := waiting.popleft().result():
        waiting.append(pool.submit(draw))
        yield drawn[0]


def _groups(
    pictures: Iterable[tuple[int, Prepared]], size: int
) -> Iterator[tuple[int, list[Prepared]]]:
    """So many pictures at a time, those of a group of one part, which goes before each."""
    for part, of_part in itertools.groupby(pictures, key=lambda pair: pair[0]):
        while group := [picture for _, picture in itertools.islice(of_part, size)]:
            yield part, group


def _array(tensor: Tensor) -> Floats:
    return tensor.float().cpu().numpy()
