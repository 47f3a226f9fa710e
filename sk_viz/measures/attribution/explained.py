"""What is differentiated: one value per picture, and the layer that Grad-CAM reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sk_viz.errors import ModelError
from sk_viz.measures.attribution.targets import ClassTarget, UnitTarget

# Which layer all paths cross does not depend on the size of the picture, only its cost does.
_TRIAL_SIDE = 96


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network returned for some pictures in one forward.

    Attributes:
        x: (N, 3, H, W), the pictures; a leaf where gradients can be taken with respect to them.
        logits: (N, K).
        weights: (N, M, C) of each unit; empty where they were not read.
        features: (N, C, h, w), the output of a layer, a leaf; None where no layer was asked for.
    """

    x: Tensor
    logits: Tensor
    weights: list[Tensor]
    features: Tensor | None = None


class Explained(nn.Module):
    """A network as a function of one value per picture: (N, 3, H, W) -> (N,).

    Args:
        readout: reads the network.
        target: the value.
        seen: called with the number of pictures before each forward; what it raises ends the
            explanation.
    """

    def __init__(
        self,
        readout: nn.Module,
        target: ClassTarget | UnitTarget,
        seen: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self.readout = readout
        self.target = target
        self.seen = seen

    def forward(self, x: Tensor) -> Tensor:
        """The target's value of each picture."""
        return self.target.value(*self._read(x))

    def score(self, x: Tensor) -> Tensor:
        """The target's score of each picture, (N,)."""
        return self.target.score(*self._read(x))

    def _read(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        if self.seen is not None:
            self.seen(len(x))
        read: tuple[Tensor, list[Tensor]] = self.readout(x)
        return read


def evaluate(
    readout: nn.Module,
    x: Tensor,
    *,
    gradients: bool = False,
    layer: str | None = None,
    weights: bool = True,
) -> Evaluation:
    """Run a network once on some pictures.

    Args:
        readout: reads the network; with a ``layer``, one that no other thread uses.
        x: (N, 3, H, W).
        gradients: keep the graph from the pictures on, or from the layer on.
        layer: path of a layer that runs once; what comes before it is computed without a graph.
        weights: read the branch weights, too, which costs a few milliseconds.
    """
    run = readout if weights else _answer_alone(readout)
    x = x.detach()
    with torch.set_grad_enabled(gradients):
        if layer is None:
            x = x.clone().requires_grad_(gradients)
            return Evaluation(x, *run(x))
        taken: list[Tensor] = []

        def take(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            taken.append(output.detach().requires_grad_(gradients))
            return taken[0].clone()  # what follows may change its input in place

        network = readout.network
        assert isinstance(network, nn.Module)
        handle = network.get_submodule(layer).register_forward_hook(take)
        try:
            logits, read = run(x)
        finally:
            handle.remove()
        return Evaluation(x, logits, read, taken[0])


def _answer_alone(readout: nn.Module) -> Callable[[Tensor], tuple[Tensor, list[Tensor]]]:
    def run(x: Tensor) -> tuple[Tensor, list[Tensor]]:
        network: nn.Module = readout.network  # type: ignore[assignment]
        return network(x), []

    return run


def values_of(
    readout: nn.Module,
    targets: Sequence[Sequence[ClassTarget | UnitTarget]],
    seen: Callable[[int], None] | None = None,
) -> Callable[[Tensor, Sequence[int]], Tensor]:
    """Several values of several pictures, from one forward.

    Args:
        readout: reads the network.
        targets: S rows, one per picture, of T targets.
        seen: called with the number of pictures before each forward.

    Returns:
        (N, 3, H, W) and to which of the S pictures each belongs -> (N, T).
    """

    def values(x: Tensor, owners: Sequence[int]) -> Tensor:
        if seen is not None:
            seen(len(x))
        read = readout(x)
        rows = torch.arange(len(x), device=x.device)
        columns = []
        for column in zip(*targets, strict=True):  # the class may differ from picture to picture
            different = list(dict.fromkeys(column[owner] for owner in owners))
            each = torch.stack([target.value(*read) for target in different])
            chosen = [different.index(column[owner]) for owner in owners]
            columns.append(each[torch.tensor(chosen, device=x.device), rows])
        return torch.stack(columns, dim=1)

    return values


def last_layer(
    readout: nn.Module, x: Tensor, value: Callable[[Tensor, Sequence[Tensor]], Tensor]
) -> str:
    """The last layer with a map that everything that is explained passes through.

    For a class that is the end of the last block, for a unit the layer that feeds it. It is found
    by cutting: with the gradient stopped at its output, none reaches the picture.

    Args:
        readout: of a network that no other thread uses.
        x: (1, 3, H, W).
        value: what is explained, from logits (1, K) and the weights (1, M, C) of every unit.

    Returns:
        Its path in the network.

    Raises:
        ModelError: the network has no such layer.
    """
    network: nn.Module = readout.network  # type: ignore[assignment]
    if x.shape[-1] > _TRIAL_SIDE:
        x = F.interpolate(x, size=(_TRIAL_SIDE, _TRIAL_SIDE), mode="bilinear")
    x = x.detach().requires_grad_()
    outputs: dict[str, list[Tensor]] = {}

    def keep(name: str, output: Tensor) -> None:
        outputs.setdefault(name, []).append(output)

    with torch.enable_grad():
        with _hooked(network, keep):
            end = value(*readout(x)).sum()
        maps = {
            name: found[0]
            for name, found in outputs.items()
            if len(found) == 1 and found[0].requires_grad
        }
        reached = torch.autograd.grad(end, list(maps.values()), allow_unused=True)
        upstream = [
            name for name, gradient in zip(maps, reached, strict=True) if gradient is not None
        ]
        for name in reversed(upstream):
            with _hooked(network, partial(_cut, name)):
                end = value(*readout(x)).sum()
            if not end.requires_grad or _unreached(end, x):
                return name
    raise ModelError(
        "Grad-CAM needs a layer that everything passes through, and this network has no such "
        "layer: choose another method."
    )


def _cut(where: str, name: str, output: Tensor) -> Tensor | None:
    """No gradient through the layer of the name ``where``."""
    return output.detach() if name == where else None


def _unreached(value: Tensor, x: Tensor) -> bool:
    return torch.autograd.grad(value, x, allow_unused=True)[0] is None


@contextmanager
def _hooked(network: nn.Module, seen: Callable[[str, Tensor], Tensor | None]) -> Iterator[None]:
    """Calls ``seen`` with the name and output of each layer that returns a map (N, C, H, W)."""

    def hook_of(name: str) -> Callable[[nn.Module, object, object], Tensor | None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> Tensor | None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:].numel() > 1:
                return seen(name, output)
            return None

        return hook

    handles = [
        module.register_forward_hook(hook_of(name)) for name, module in network.named_modules()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
