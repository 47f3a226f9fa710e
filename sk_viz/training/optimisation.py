"""How a training step moves the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_viz.networks.selective_kernel import SelectiveKernelConv
from sk_viz.networks.sknet import SKNet


class _ExactConv2d(nn.Conv2d):
    """A convolution in single precision, also where its surroundings are not.

    On CPUs the weight gradient of a grouped, dilated convolution in bfloat16 turns to NaN.
    """

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def keep_branches_exact(network: nn.Module) -> None:
    """Let the branches' convolutions compute in single precision under autocast.

    Their class is changed and not the module, so that the names of the weights stay as they are.
    """
    for module in network.modules():
        if isinstance(module, SelectiveKernelConv):
            for convolution in module.branches.modules():
                if isinstance(convolution, nn.Conv2d):
                    convolution.__class__ = _ExactConv2d


def optimiser_of(network: SKNet, rate: float, decay: float) -> torch.optim.Optimizer:
    """Muon for the matrices within, AdamW for what comes in, what goes out, and vectors.

    Args:
        network: its parameters are moved.
        rate: of Muon, whose steps are scaled to AdamW's; AdamW has half of it.
        decay: weight decay; not put on vectors.
    """
    from timm.optim import Muon

    ends = {id(p) for part in (network.stem, network.head) for p in part.parameters()}
    matrices = [p for p in network.parameters() if p.ndim > 1]
    groups = [
        {"params": [p for p in matrices if id(p) not in ends]},
        {"params": [p for p in matrices if id(p) in ends], "use_fallback": True},
        {
            "params": [p for p in network.parameters() if p.ndim <= 1],
            "use_fallback": True,
            "weight_decay": 0.0,
        },
    ]
    made: torch.optim.Optimizer = Muon(
        groups,
        lr=rate,
        weight_decay=decay,
        nesterov=True,
        ns_coefficients="original",
        fallback_lr_scale=0.5,
    )
    return made


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an exponential average towards a network's weights; counters are copied."""
    old, new = averaged.state_dict(), network.state_dict()
    floating = [name for name, value in old.items() if value.dtype.is_floating_point]
    torch._foreach_lerp_([old[n] for n in floating], [new[n] for n in floating], 1 - decay)
    for name in old.keys() - set(floating):
        old[name].copy_(new[name])
