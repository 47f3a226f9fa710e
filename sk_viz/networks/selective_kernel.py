"""The selective kernel convolution: Split, Fuse, Select.

Li, Wang, Hu, Yang: Selective Kernel Networks, CVPR 2019, section 3.1, equations 1-6
(https://arxiv.org/abs/1903.06586).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError

FuseKind = Literal["normalised", "plain", "sum"]


@dataclass(frozen=True)
class SelectionTrace:
    """Every intermediate of one pass through a unit, for teaching and for tests.

    Attributes:
        branches: (N, M, C, H, W) outputs of the branches, smallest kernel first (Split).
        summed: (N, C, H, W) their sum U (equation 1).
        pooled: (N, C) the global average s of U (equation 2).
        compact: (N, d) the compact feature z (equation 3).
        logits: (N, M, C) what goes into the softmax (equation 5).
        weights: (N, M, C) branch weights in [0, 1], summing to 1 over M (equation 5).
        output: (N, C, H, W) the weighted sum V (equation 6).
    """

    branches: Tensor
    summed: Tensor
    pooled: Tensor
    compact: Tensor
    logits: Tensor
    weights: Tensor
    output: Tensor


class SelectiveKernelConv(nn.Module):
    """A convolution that chooses, for each channel, among kernels of several sizes.

    Args:
        in_channels: channels of the input, a multiple of ``groups``.
        out_channels: channels C of the output; ``in_channels`` if left out.
        kernels: extent of each branch's kernel, odd and at least 3, smallest first. One kernel
            makes the plain convolution, which has nothing to select.
        groups: groups G of the branch convolutions.
        stride: stride of the branch convolutions.
        reduction: r of equation 4.
        min_features: L of equation 4; the compact feature has d = max(C / r, L) entries.
        dense: real k x k kernels instead of the paper's 3x3 dilated to an extent of k.
        fuse: ``"normalised"`` is the paper's Fuse, with batch norm and ReLU on z;
            ``"plain"`` leaves both away; ``"sum"`` adds the branches and selects nothing (the
            baseline of the paper's table 7).
        bias: biases in the branch convolutions and in the two linear maps; the paper has none.
        select_bias: a bias in the second linear map alone, as in syt2/SKNet.

    Shapes: (N, in_channels, H, W) -> (N, C, ceil(H / stride), ceil(W / stride)).

    Raises:
        ModelError: kernels that are even, below 3, or not in increasing order.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        *,
        kernels: tuple[int, ...] = (3, 5),
        groups: int = 32,
        stride: int = 1,
        reduction: int = 16,
        min_features: int = 32,
        dense: bool = False,
        fuse: FuseKind = "normalised",
        bias: bool = False,
        select_bias: bool = False,
    ) -> None:
        super().__init__()
        channels = out_channels or in_channels
        if not kernels or any(k < 3 or k % 2 == 0 for k in kernels):
            raise ModelError(f"Kernels must be odd and at least 3; {kernels} are not.")
        if list(kernels) != sorted(kernels):
            raise ModelError(f"Kernels must stand smallest first; {kernels} do not.")
        self.kernels = tuple(kernels)
        self.channels = channels
        self.branches = nn.ModuleList(
            _branch(in_channels, channels, k, groups, stride, dense, bias) for k in kernels
        )
        self.selects = len(kernels) > 1 and fuse != "sum"
        self.fuse: nn.Module | None = None
        self.select: nn.Conv2d | None = None
        self.softmax: nn.Softmax | None = None
        if self.selects:
            features = max(channels // reduction, min_features)
            reduce = nn.Conv2d(channels, features, 1, bias=bias)
            self.fuse = (
                nn.Sequential(reduce, nn.BatchNorm2d(features), nn.ReLU())
                if fuse == "normalised"
                else nn.Sequential(reduce)
            )
            self.select = nn.Conv2d(features, channels * len(kernels), 1, bias=bias or select_bias)
            # A module and not a function, so that its output can be read in any larger network.
            self.softmax = nn.Softmax(dim=1)

    def forward(
        self, x: Tensor, held: Tensor | None = None, chosen: list[Tensor] | None = None
    ) -> Tensor:
        """The weighted sum V of the branches.

        Args:
            x: (N, in_channels, H, W).
            held: (N or 1, M, C) weights to use in place of the unit's own.
            chosen: a list to which the weights that the unit chose, (N, M, C), are appended, also
                when others were held; nothing is appended where there is nothing to select.

        Returns:
            V (N, C, H', W').
        """
        outputs = [branch(x) for branch in self.branches]
        if not self.selects:
            return _total(outputs)
        assert self.softmax is not None
        weights = self.softmax(self._logits(self._compact(_total(outputs))))
        if chosen is not None:
            chosen.append(weights)
        used = weights if held is None else held.to(weights)
        return _total([out * used[:, m, :, None, None] for m, out in enumerate(outputs)])

    def forward_with_weights(
        self, x: Tensor, held: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """V as :meth:`forward` returns it, and the weights (N, M, C) that the unit chose.

        The weights are None where there is nothing to select.
        """
        chosen: list[Tensor] = []
        output: Tensor = self(x, held, chosen)
        return output, chosen[0] if chosen else None

    def trace(self, x: Tensor) -> SelectionTrace:
        """The same pass with every intermediate kept.

        Raises:
            ModelError: the unit has one branch or adds its branches, so it selects nothing.
        """
        if not self.selects:
            raise ModelError("This unit selects nothing: it has one branch or adds its branches.")
        outputs = [branch(x) for branch in self.branches]
        summed = _total(outputs)
        compact = self._compact(summed)
        logits = self._logits(compact)
        weights = logits.softmax(dim=1)
        return SelectionTrace(
            branches=torch.stack(outputs, dim=1),
            summed=summed,
            pooled=summed.mean(dim=(2, 3)),
            compact=compact.flatten(1),
            logits=logits,
            weights=weights,
            output=_total([out * weights[:, m, :, None, None] for m, out in enumerate(outputs)]),
        )

    def _compact(self, summed: Tensor) -> Tensor:
        """z (N, d, 1, 1) from U (N, C, H, W): equations 2 and 3."""
        assert self.fuse is not None
        compact: Tensor = self.fuse(summed.mean(dim=(2, 3), keepdim=True))
        return compact

    def _logits(self, compact: Tensor) -> Tensor:
        """(N, M, C): the rows A_c z, B_c z, ... of equation 5."""
        assert self.select is not None
        logits: Tensor = self.select(compact)
        return logits.view(-1, len(self.kernels), self.channels)


def _branch(
    in_channels: int,
    channels: int,
    kernel: int,
    groups: int,
    stride: int,
    dense: bool,
    bias: bool,
) -> nn.Sequential:
    """Convolution, batch norm, ReLU; a dilated 3x3 of extent ``kernel`` unless dense."""
    size, dilation = (kernel, 1) if dense else (3, (kernel - 1) // 2)
    convolution = nn.Conv2d(
        in_channels,
        channels,
        size,
        stride=stride,
        padding=(kernel - 1) // 2,
        dilation=dilation,
        groups=groups,
        bias=bias,
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())


def _total(tensors: list[Tensor]) -> Tensor:
    """Their sum, without a start value that would cost one more addition."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
