"""Convolutions, poolings and interpolations: the window that each operation reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from sk_viz.networks.tracing.graph import Extents, Window

_POOLS = frozenset(
    ["max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool2d", "avg_pool3d", "max_pool1d"]
)
_RESAMPLING = frozenset(
    [
        "pixel_shuffle",
        "pixel_unshuffle",
        "grid_sampler_2d",
        "grid_sampler_3d",
        "max_unpool2d",
        "max_unpool3d",
    ]
)
_CONVOLUTIONS = frozenset(["convolution", "convolution_overrideable", "_convolution"])


def window_of(name: str, args: Sequence[Any], reads: tuple[int, int], path: str) -> Window | None:
    """The window of an operation; None for one that has none.

    Args:
        name: of the operation, without overload.
        args: that it was given.
        reads: addresses of the first and the last element of its input.
        path: dotted path of the module that ran it.
    """
    if name in _CONVOLUTIONS:
        return _convolution(args, reads, path)
    if name in _POOLS:
        kernel = _each(args[1], 0)
        stride = _each(args[2], len(kernel)) if len(args) > 2 and args[2] else kernel
        dilation = _each(args[4], len(kernel)) if name.startswith("max") and len(args) > 4 else ()
        extents = _extents(kernel, dilation or (1,) * len(kernel))
        return Window(extents, stride, True, False, 0, reads, path)
    if name in _RESAMPLING or name.startswith("upsample_") or name.startswith("_upsample_"):
        return Window((), (), True, True, 0, reads, path)
    return None


def _convolution(args: Sequence[Any], reads: tuple[int, int], path: str) -> Window:
    given, weight, _, stride, _, dilation, transposed, _, groups = args[:9]
    assert isinstance(given, Tensor)
    assert isinstance(weight, Tensor)
    kernel = tuple(weight.shape[2:])
    axes = len(kernel)
    depthwise = groups > 1 and groups == weight.shape[0]
    return Window(
        extents=_extents(kernel, _each(dilation, axes)),
        stride=(1,) * axes if transposed else _each(stride, axes),
        depthwise=depthwise,
        resamples=bool(transposed),
        weight=id(weight),
        reads=reads,
        path=path,
    )


def _extents(kernel: Extents, dilation: Extents) -> Extents:
    return tuple(1 + d * (k - 1) for k, d in zip(kernel, dilation, strict=True))


def _each(value: Any, axes: int) -> Extents:
    """One value for each axis, where one is given for all."""
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(v) for v in (values * axes if len(values) == 1 < axes else values))
