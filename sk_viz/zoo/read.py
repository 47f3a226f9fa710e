"""Read a loaded model or any network: logits and the branch weights of every unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.readout import Readout

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model


def readout(model: Model | nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits and the branch weights of every unit, from one forward.

    Args:
        model: a loaded model, or any network with SK units.
        x: (N, 3, H, W) pictures, normalised as the network wants them.

    Returns:
        Logits (N, K), and for each unit name the weights (N, M, C): in [0, 1], summing to 1
        over the M branches.

    Raises:
        ModelError: neither a model nor a network; one without SK units.
    """
    if isinstance(model, Readout):
        reader = model
    elif isinstance(model, nn.Module):
        reader = Readout(model)
    elif isinstance(own := getattr(model, "readout", None), Readout):
        reader = own
    else:
        raise ModelError(
            f"{type(model).__name__} is no model: give one of sk_viz.load_model, or a torch module."
        )
    logits, weights = reader(x)
    return logits, {unit.name: w for unit, w in zip(reader.units, weights, strict=True)}
