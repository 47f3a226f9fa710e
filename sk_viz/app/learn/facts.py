"""The numbers that the page Learn names, from one opened unit. No page is drawn here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sk_viz.figures.screen.style import kernel_label
from sk_viz.measures.unit_trace import Floats, Parameters, UnitTrace, pushed_weights

MINUS = "−"


@dataclass(frozen=True, eq=False)
class Walk:
    """What is looked at in an opened unit.

    Attributes:
        trace: the unit.
        own: the unit's parameters.
        plain: those of its plain variant.
        side: the picture's side as the network is shown it.
        before: how many units come before it.
        channel: of its C channels.
        place: (row, column) of its output.
        branch: whose logit is pushed.
        push: what is added to it.
    """

    trace: UnitTrace
    own: Parameters
    plain: Parameters
    side: int
    before: int
    channel: int
    place: tuple[int, int]
    branch: int
    push: float

    @property
    def kernels(self) -> tuple[int, ...]:
        """Of the branches, smallest first."""
        return self.trace.unit.kernels

    @property
    def maps(self) -> Floats:
        """(M, H, W), the channel in each branch."""
        return self.trace.branches[:, self.channel]

    @property
    def weights(self) -> Floats:
        """(M,), the channel's own."""
        return self.trace.weights[:, self.channel]

    @property
    def pushed(self) -> Floats:
        """(M,), the channel's weights with the push; its own without one."""
        if not self.push:
            return self.weights
        return pushed_weights(self.trace.logits[:, self.channel], self.branch, self.push)

    @property
    def sum_pushed(self) -> Floats:
        """(H, W), V of the channel with the push."""
        return np.tensordot(self.pushed, self.maps, axes=1)


def telling_channel(trace: UnitTrace) -> int:
    """A channel that decides clearly and in which every branch has something to show."""
    apart = np.abs(trace.weights[-1] - trace.weights[0])
    alive = trace.branches.max(axis=(2, 3)).min(axis=0)
    return int((apart * alive).argmax())


def strongest_place(trace: UnitTrace, channel: int) -> tuple[int, int]:
    """Where the branches together answer most."""
    summed = trace.summed[channel]
    row, column = np.unravel_index(int(summed.argmax()), summed.shape)
    return int(row), int(column)


def facts(walk: Walk, joined: str) -> dict[str, str]:
    """Everything that a text of the page may name, as text.

    Args:
        walk: what is looked at.
        joined: what stands between several numbers.
    """
    trace, channel = walk.trace, walk.channel
    row, column = walk.place
    labels = [kernel_label(kernel) for kernel in walk.kernels]
    logits = trace.logits[:, channel]
    means = trace.output.mean(axis=(1, 2))
    decided = most_decided(trace)
    prefers = int(trace.weights[:, decided].argmax())
    loud = int(means.argmax())
    last = trace.convolutions[-1]
    # All logits 3 higher: the sum itself is recomputed, so that the answer is shown and not said.
    lifted = pushed_weights(logits + 3, 0, 0.0)
    return {
        "unit": trace.unit.name.replace("_", "\\_"),
        "channel": str(channel),
        "channels": str(trace.unit.channels),
        "side": str(walk.side),
        "before": str(walk.before),
        "entering": str(trace.entering.shape[0]),
        "in_height": str(trace.entering.shape[1]),
        "in_width": str(trace.entering.shape[2]),
        "kernels": joined.join(labels),
        "smallest": labels[0],
        "largest": labels[-1],
        "dense": str(walk.kernels[-1] ** 2),
        "taps": str(last.size**2),
        "dilation": str(last.dilation),
        "d": str(len(trace.compact)),
        "alive": str(int((trace.compact != 0).sum())),
        "pushed": labels[walk.branch],
        "push": signed(walk.push, 1),
        "shares": joined.join(
            f"{w:.3f} × {label}" for w, label in zip(walk.pushed, labels, strict=True)
        ),
        "weights": numbers(walk.weights, joined),
        "weights_pushed": numbers(walk.pushed, joined),
        "v": f"{trace.output[channel, row, column]:.3f}",
        "v_pushed": f"{walk.sum_pushed[row, column]:.3f}",
        "v_mean": f"{means[channel]:.3f}",
        "v_mean_pushed": f"{walk.sum_pushed.mean():.3f}",
        "variant_more": f"{100 * walk.plain.total / walk.own.total:.0f} %",
        "weights_added": " + ".join(f"{w:.4f}" for w in walk.weights)
        + f" = {walk.weights.sum():.4f}",
        "over_channels": f"{trace.weights[-1].sum():.2f}",
        "weights_lifted": numbers(lifted, joined),
        "weights_by_3": numbers(pushed_weights(logits, len(logits) - 1, 3.0), joined),
        "count_smallest": f"{walk.own.branches[0]:,}",
        "count_largest": f"{walk.own.branches[-1]:,}",
        "count_dense": f"{walk.plain.branches[-1]:,}",
        "shuffled": f"{_shuffled(trace):.0e}",
        "strong": str(decided),
        "strong_kernel": labels[prefers],
        "strong_weight": f"{trace.weights[prefers, decided]:.3f}",
        "strong_mean": f"{means[decided]:.3f}",
        "strong_rank": str(int((means > means[decided]).sum()) + 1),
        "loud": str(loud),
        "loud_mean": f"{means[loud]:.3f}",
        "loud_weights": numbers(trace.weights[:, loud], joined),
    }


def most_decided(trace: UnitTrace) -> int:
    """The channel with the largest weight of all."""
    return int(trace.weights.max(axis=0).argmax())


def signed(value: float, digits: int) -> str:
    """With its sign and a real minus."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def numbers(values: Floats, joined: str) -> str:
    """Weights in one line."""
    return joined.join(f"{value:.3f}" for value in values)


def _shuffled(trace: UnitTrace) -> float:
    """How far s moves when the places of U are shuffled."""
    flat = trace.summed.reshape(len(trace.summed), -1)
    order = np.random.default_rng(0).permutation(flat.shape[1])
    return float(np.abs(flat[:, order].mean(axis=1) - trace.pooled).max())
