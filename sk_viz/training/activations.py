"""Views of pictures, drawn once, and what the units that stay as they are make of them.

What is trained of a network, its last units or its head, then costs a fraction of the whole.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sk_viz.datasets.labelled import LabelledPictures
from sk_viz.files import write_atomic
from sk_viz.networks.sknet import SKNet
from sk_viz.training.data.augment import augment
from sk_viz.training.data.sampler import by_root_frequency, normalise_batch
from sk_viz.training.recipe import Refinement

HEAD = "head"
_AT_A_TIME = 64
# What a generator is for, so that no two draw alike.
_ORDER, _CHOICE, _VIEW = 7, 11, 13


@dataclass(frozen=True, eq=False)
class Activations:
    """What enters the units that are trained.

    Attributes:
        values: float16 (N, C, H, W).
        labels: (N,) of the pictures.
        sources: (N,) index of each one's source among those drawn from.
    """

    values: NDArray[np.float16]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]


class Body(nn.Module):
    """The units of a network up to one of them, which stay as they are.

    Args:
        network: is shared, not copied.
        last: the first unit that is not in it, or ``head``.
    """

    def __init__(self, network: SKNet, last: str) -> None:
        super().__init__()
        names = [*network.blocks, HEAD]
        self.layers = nn.Sequential(
            network.stem, *(network.blocks[name] for name in names[: names.index(last)])
        )
        self._all = last == HEAD

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, C, H', W'); only the mean, (N, C, 1, 1), where the head is next."""
        activations: Tensor = self.layers(x)
        return activations.mean(dim=(2, 3), keepdim=True) if self._all else activations


class Tail(nn.Module):
    """The units from one of them on, and the head.

    Args:
        network: is shared, not copied.
        first: the first unit in it, or ``head`` for none.
    """

    def __init__(self, network: SKNet, first: str) -> None:
        super().__init__()
        names = [*network.blocks, HEAD]
        self.units = nn.Sequential(*(network.blocks[n] for n in names[names.index(first) : -1]))
        self.head = network.head

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H', W') -> logits (N, K)."""
        logits: Tensor = self.head(self.units(x).mean(dim=(2, 3)))
        return logits


def store_activations(
    network: SKNet,
    pictures: LabelledPictures,
    recipe: Refinement,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Path]:
    """Draw the views of a refinement and store what the body makes of them, a file a block.

    Blocks that are there are kept, so a run that was stopped goes on. For the bundled network a
    block is of 3 MB before the head, and of 190 MB before its last stage.

    Args:
        network: in evaluation mode.
        pictures: their sources are those that the recipe draws from.
        recipe: how many views, of which sources, and how they look.
        folder: where the blocks are kept.
        progress: called with (done, total) blocks.

    Returns:
        The files of the blocks, in order.
    """
    body = Body(network, recipe.first).eval()
    orders = [
        _endless(pictures, source, np.random.default_rng((_ORDER, place, recipe.seed)))
        for place, source in enumerate(recipe.drawn)
    ]
    files = []
    for block in range(recipe.blocks):
        rng = np.random.default_rng((_CHOICE, block, recipe.seed))
        sources = rng.choice(
            len(orders), recipe.block, p=[part.share for part in recipe.drawn.values()]
        )
        chosen = np.array([next(orders[source]) for source in sources])
        file = folder / f"activations-{block:02d}.npz"
        if not file.exists():
            views = (
                augment(
                    pictures.decode(index),
                    recipe.size,
                    recipe.augmentation,
                    np.random.default_rng((_VIEW, block, place, recipe.seed)),
                )
                for place, index in enumerate(chosen)
            )
            values = np.concatenate(list(_through(body, views, len(chosen))))
            stored = io.BytesIO()
            np.savez(stored, values=values, labels=pictures.labels[chosen], sources=sources)
            write_atomic(file, stored.getvalue())
        files.append(file)
        progress(block + 1, recipe.blocks)
    return files


def read_activations(file: Path) -> Activations:
    """One block."""
    with np.load(file) as stored:
        return Activations(stored["values"], stored["labels"], stored["sources"])


@torch.inference_mode()
def _through(
    body: Body, views: Iterator[NDArray[np.uint8]], count: int
) -> Iterator[NDArray[np.float16]]:
    device = next(body.parameters()).device
    for start in range(0, count, _AT_A_TIME):
        batch = [next(views) for _ in range(min(_AT_A_TIME, count - start))]
        with torch.autocast(device.type, torch.bfloat16):
            values = body(normalise_batch(np.stack(batch)).to(device))
        yield values.float().cpu().numpy().astype(np.float16)


def _endless(pictures: LabelledPictures, source: str, rng: np.random.Generator) -> Iterator[int]:
    """The positions of a source's pictures again and again, each once a pass; rarer classes tend
    to come first (Efraimidis & Spirakis, "Weighted random sampling with a reservoir", 2006)."""
    positions = np.flatnonzero(np.array(pictures.sources) == source)
    chances = by_root_frequency(pictures.labels[positions])
    while True:
        keys = np.log(rng.random(len(positions))) / chances
        yield from (int(index) for index in positions[np.argsort(-keys)])


def joined(parts: Sequence[LabelledPictures], classes: Sequence[str]) -> LabelledPictures:
    """Several collections in one; their labels index the same classes."""
    return LabelledPictures(
        encoded=[data for part in parts for data in part.encoded],
        labels=np.concatenate([part.labels for part in parts]),
        sources=[source for part in parts for source in part.sources],
        classes=classes,
        wordnet_ids=[[]] * len(classes),
        names=[name for part in parts for name in part.names],
        boxes=[box for part in parts for box in part.boxes],
    )
