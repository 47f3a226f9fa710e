"""Where the object of a training picture is, so that it can be put before another ground.

A network that has seen each thing in its usual surroundings alone knows a koala by its leaves. Cut
out and put before a plain colour or another picture, the object has to do ("Cut, Paste and Learn",
Dwibedi, Misra & Hebert, ICCV 2017). The outline is GrabCut's (Rother, Kolmogorov & Blake, SIGGRAPH
2004), begun from the box around the object; where it fails the picture stays as it is.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sk_viz.datasets.labelled import Box, LabelledPictures
from sk_viz.files import write_atomic

Mask = NDArray[np.uint8]

_SIDE = 80  # shorter side that is cut at, pixels: finer outlines take long and gain nothing
_MARGIN = 0.06  # without a box the object is looked for within this much of the edges
# Share of its box that an object fills. Less is a part of one, more is the box itself.
_FILLED = (0.15, 0.9)
_CHUNK = 500
_OF = b"pictures"  # whose masks a file holds


def object_mask(pixels: NDArray[np.uint8], box: Box | None) -> Mask | None:
    """The object's outline: (h, w) with 255 on it and 0 elsewhere, at most ``_SIDE`` px a side.

    Args:
        pixels: (H, W, 3) RGB; the mask is of the same proportions, and smaller where the shorter
            side is above ``_SIDE``.
        box: around the object: left, top, right, bottom, inclusive. The middle without one.

    Returns:
        None where no outline was found that could be an object's.
    """
    shrink = min(1.0, _SIDE / min(pixels.shape[:2]))
    if shrink < 1:
        pixels = np.asarray(
            cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        )
    height, width = pixels.shape[:2]
    if box is None:
        aside, above = int(_MARGIN * width), int(_MARGIN * height)
        left, top, right, bottom = aside, above, width - aside, height - above
    else:
        left, top, right, bottom = (round(edge * shrink) for edge in box)
    # GrabCut learns the ground from a rim outside the box.
    left, top = max(left, 1), max(top, 1)
    right, bottom = min(right, width - 2), min(bottom, height - 2)
    if right - left < 8 or bottom - top < 8:
        return None
    marks = np.zeros((height, width), np.uint8)
    rectangle = (left, top, right - left + 1, bottom - top + 1)
    cv2.setRNGSeed(0)  # GrabCut begins with random clusters
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(pixels, marks, rectangle, *models, 2, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # raised where it took everything for ground
        return None
    inside = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    inside = np.asarray(cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(inside)
    if count < 2:
        return None
    largest = (parts == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    whole = cv2.morphologyEx(largest, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    filled = float(np.sum(whole)) / (rectangle[2] * rectangle[3])
    if not _FILLED[0] <= filled <= _FILLED[1]:
        return None
    return np.asarray(whole * 255, dtype=np.uint8)


def object_masks(
    pictures: LabelledPictures,
    file: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[bytes]:
    """The masks of all pictures as PNG, empty where none was found; kept in a file.

    Args:
        pictures: of which.
        file: read where it is of these pictures, else made again by all cores.
        progress: called with (done, total) while they are made.
    """
    of = _digest(pictures)
    if file.exists():
        kept = pq.read_table(file)
        if (kept.schema.metadata or {}).get(_OF) == of:
            read: list[bytes] = kept["mask"].to_pylist()
            return read
    chunks = [range(at, min(at + _CHUNK, len(pictures))) for at in range(0, len(pictures), _CHUNK)]
    # Not forked: a process that another library's threads were copied into may hang.
    new = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(8, os.cpu_count() or 1), new) as pool:
        parts = [pool.submit(_masks, pictures.subset(np.array(chunk))) for chunk in chunks]
        masks: list[bytes] = []
        for part in parts:
            masks += part.result()
            progress(len(masks), len(pictures))
    stored = io.BytesIO()
    pq.write_table(pa.table({"mask": masks}).replace_schema_metadata({_OF: of}), stored)
    write_atomic(file, stored.getvalue())
    return masks


def _digest(pictures: LabelledPictures) -> bytes:
    """Of the pictures and their boxes, in order."""
    digest = hashlib.sha256()
    for encoded, box in zip(pictures.encoded, pictures.boxes, strict=True):
        digest.update(hashlib.sha256(encoded).digest())
        digest.update(repr(box).encode())
    return digest.hexdigest().encode()


def _masks(pictures: LabelledPictures) -> list[bytes]:
    cv2.setNumThreads(1)
    found = []
    for index in range(len(pictures)):
        mask = object_mask(pictures.decode(index), pictures.boxes[index])
        found.append(b"" if mask is None else cv2.imencode(".png", mask)[1].tobytes())
    return found
