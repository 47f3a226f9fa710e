"""Read a loaded model or any network: logits and the branch weights of every unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.readout import Readout
from sk_viz.networks.tracing.example import Example, NoExampleError

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model


def readout(
    model: Model | nn.Module, x: Any, example: Example | None = None
) -> tuple[Any, dict[str, Tensor]]:
    """What a network answers and the branch weights of every unit, from one forward.

    It is read in evaluation mode and stays as it is, its own mode, statistics and gradients too.

    Args:
        model: a loaded model, or any network with units.
        x: (N, 3, H, W) pictures, normalised as the network wants them; a tuple or dict of arguments
            for a network of several inputs.
        example: an input that shows what the network computes, where ``x`` must not be used for
            that; by default noise, or ``x`` itself where the network does not take the noise.

    Returns:
        The network's output, most often logits (N, K), and for each unit name the weights
        (N, M, C): in [0, 1], summing to 1 over the M branches.

    Raises:
        ModelError: neither a model nor a network; one without units; pictures that are no tensor
            of floating point.
    """
    _check_input(x)
    if isinstance(model, Readout):
        reader = model
    elif isinstance(model, nn.Module):
        reader = _reader(model, x, example)
    elif isinstance(own := getattr(model, "readout", None), Readout):
        reader = own
    else:
        raise ModelError(
            f"{type(model).__name__} is not a model: give one of sk_viz.load_model, or a torch "
            "module."
        )
    output, weights = reader(x)
    return output, {unit.name: w for unit, w in zip(reader.units, weights, strict=True)}


def _check_input(x: Any) -> None:
    """Do nothing when a network may take this.

    Raises:
        ModelError: a picture, an array, or a tensor of whole numbers or of one picture alone.
    """
    if isinstance(x, Tensor):
        whole = x.dtype == torch.uint8
        if not whole and x.ndim != 3:
            return
        what = "a tensor of uint8" if whole else f"a tensor of the shape {tuple(x.shape)}"
    elif isinstance(x, tuple | list | Mapping):
        return
    else:
        what = f"{type(x).__name__}"
    raise ModelError(
        f"readout takes a tensor (N, 3, H, W) of normalised pictures, not {what}: prepare it as "
        "the network wants it, or give the picture to sk_viz.sweep."
    )


def _reader(network: nn.Module, x: Any, example: Example | None) -> Readout:
    if example is not None:
        return Readout(network, example)
    try:
        return Readout(network)
    except NoExampleError:
        return Readout(network, x)
