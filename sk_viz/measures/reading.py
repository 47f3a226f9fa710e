"""From stimuli to what a network returns for them, in batches that fit the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sk_viz.errors import ModelError, ScaleError
from sk_viz.networks.engine import EAGER, Dtype, Engine, engine_of
from sk_viz.networks.pooling import pooled_gates
from sk_viz.pictures import Stimulus, normalise
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

Floats = npt.NDArray[np.float32]

# How many pixels make a batch. On a CPU small inputs gain from a batch (80 px, SKNet-tiny: a sweep
# takes 67 ms by fives and 36 ms as one batch), large ones lose by it, since they leave the cache:
# of 224 px no two fit.
_CPU_PIXELS = 22 * 64 * 64
_GPU_PIXELS = 64 * 224 * 224


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model returned for S stimuli.

    Attributes:
        logits: float32 (S, K).
        weights: one float32 (S, M, C) per unit, in the order of ``model.units``.
        batch_size: the largest number of stimuli in one forward.
        engine: what ran the forward, ``eager`` torch or another.
        dtype: of its arithmetic.
        notes: plain sentences about how it went, such as a batch that did not fit.
    """

    logits: Floats
    weights: tuple[Floats, ...]
    batch_size: int
    engine: str
    dtype: Dtype
    notes: tuple[str, ...]


def softmax(logits: Floats) -> Floats:
    """Probabilities (N, K) of logits (N, K), each row summing to 1."""
    probabilities: Floats = torch.tensor(logits).softmax(dim=1).numpy()
    return probabilities


def to_tensor(shown: Sequence[Stimulus], model: Model, *, pooled: bool = False) -> Tensor:
    """Stimuli of one size as the model's input: float32 (N, 3, H, W) on its device.

    Args:
        shown: the stimuli.
        model: whose preprocessing and device.
        pooled: whether the caller also pools the gates as the stimuli say.

    Raises:
        ScaleError: stimuli whose gates are pooled over a window, and a caller that does not.
    """
    if not pooled and any(stimulus.pool is not None for stimulus in shown):
        raise ScaleError(
            "The protocol window changes how each unit chooses, which sweeps, surveys and size "
            "effects measure: choose another protocol here, such as zoom or tile."
        )
    values = np.empty((len(shown), 3, *shown[0].rgb.shape[:2]), np.float32)
    for stimulus, place in zip(shown, values, strict=True):
        normalise(stimulus.rgb, model.preprocessing, place)
    tensor = torch.from_numpy(values).to(model.device)
    if model.device.type == "cuda":
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor


def batch_size(model: Model, side: int) -> int:
    """How many pictures of side x side pixels to give the model at once."""
    pixels = _CPU_PIXELS if model.device.type == "cpu" else _GPU_PIXELS
    return max(1, pixels // side**2)


def read(
    model: Model,
    shown: Sequence[Stimulus],
    *,
    held: Mapping[str, Tensor] | None = None,
    dtype: Dtype = "float32",
    pictures: int = 1,
    progress: Progress | None = None,
) -> Reading:
    """Read logits and branch weights of every stimulus, without gradients.

    Stimuli of one size go together as :func:`batch_size` says, and half as many whenever memory
    runs out. Where nothing is held and no gate is pooled over a window, the model's engine reads,
    if it has one.

    Args:
        model: the model to read.
        shown: the stimuli, of any sizes.
        held: weights (1, M, C) to use in place of a unit's own, by unit name.
        dtype: of the arithmetic. ``bfloat16`` and ``float16`` on CUDA, where torch holds them safe
            (autocast); ``bfloat16`` on a CPU that has it, through OpenVINO, for networks whose
            differences kept within half of the promised 2e-3 of float32 on trial pictures. Where
            ``bfloat16`` cannot be had, float32 reads and a note says so.
        pictures: about how many the model will read in all; for many it pays to build the engine
            of a small network.
        progress: called with (done, total) after each forward; what it raises ends the reading.

    Raises:
        ModelError: no such dtype, or float16 without CUDA; memory too small for one stimulus.
    """
    pooled = any(stimulus.pool is not None for stimulus in shown)
    engine, used, notes = _arithmetic(model, dtype, bool(held) or pooled, pictures)
    half = None if engine or used == "float32" else getattr(torch, used)
    size, largest = len(shown), 0
    logits: list[Floats] = []
    weights: list[list[Floats]] = [[] for _ in model.units]
    done = 0
    while done < len(shown):
        fitting = min(size, batch_size(model, shown[done].rgb.shape[0]))
        group = _alike(shown[done : done + fitting])
        pool = group[0].pool
        pooling = pooled_gates(model.network, model.units, pool) if pool else nullcontext()
        try:
            with (
                torch.inference_mode(),
                torch.autocast("cuda", half, enabled=half is not None),
                pooling,
            ):
                given = to_tensor(group, model, pooled=True)
                found, chosen = engine(given) if engine else model.readout(given, held)
        except torch.OutOfMemoryError:
            found = None
        if found is None:  # outside the except, whose traceback would keep the tensors alive
            if len(group) == 1:
                raise ModelError(
                    f"The memory of {model.device} is too small for one picture of "
                    f"{group[0].rgb.shape[0]} pixels: choose the device cpu."
                )
            torch.cuda.empty_cache()
            size = len(group) // 2
            notes.append(
                f"Memory ran out at {len(group)} pictures per batch; continued with {size}."
            )
            continue
        logits.append(_array(found))
        for kept, unit_weights in zip(weights, chosen, strict=True):
            kept.append(_array(unit_weights))
        done += len(group)
        largest = max(largest, len(group))
        if progress is not None:
            progress(done, len(shown))
    return Reading(
        np.concatenate(logits),
        tuple(np.concatenate(kept) for kept in weights),
        largest,
        engine.name if engine else EAGER,
        used,
        tuple(notes),
    )


def _arithmetic(
    model: Model, dtype: Dtype, held: bool, pictures: int
) -> tuple[Engine | None, Dtype, list[str]]:
    """What reads, in which dtype it does, and what is to be said about that.

    Raises:
        ModelError: no such dtype, or float16 without CUDA.
    """
    if dtype not in get_args(Dtype):
        raise ModelError(f"There is no dtype {dtype!r}: choose {', '.join(get_args(Dtype))}.")
    if model.device.type == "cuda":
        return None, dtype, []
    if dtype == "float16":
        raise ModelError(f"float16 needs a CUDA device: choose float32 on {model.device.type}.")
    side = model.preprocessing.input_size
    notes = []
    if dtype == "bfloat16":
        fast = None if held else engine_of(model.readout, model.device, side, dtype=dtype)
        if fast is not None:
            return fast, dtype, []
        why = (
            "weights are held"
            if held
            else "this machine cannot compute this model in it faster and as exactly as promised"
        )
        notes = [f"bfloat16 was asked for and float32 used: {why}."]
    if held:
        return None, "float32", notes
    return engine_of(model.readout, model.device, side, pictures=pictures), "float32", notes


def counter(total: int, progress: Progress | None) -> Callable[[int], None] | None:
    """A function that adds up pictures shown and tells ``progress``; None where none listens."""
    if progress is None:
        return None
    done = 0

    def count(pictures: int) -> None:
        nonlocal done
        done += pictures
        progress(min(done, total), total)  # more than planned where memory ran out

    return count


def _alike(shown: Sequence[Stimulus]) -> Sequence[Stimulus]:
    """The longest start of a sequence whose stimuli share one size and one pooling."""
    first = shown[0].rgb.shape, shown[0].pool
    for count, stimulus in enumerate(shown):
        if (stimulus.rgb.shape, stimulus.pool) != first:
            return shown[:count]
    return shown


def _array(tensor: Tensor) -> Floats:
    return tensor.float().cpu().numpy()
