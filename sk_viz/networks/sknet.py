"""The networks of the paper and the small one in the box.

SKNet-50 is ResNeXt-50 32x4d with each 3x3 convolution replaced by SK[2, 32, 16] (paper, table 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.selective_kernel import FuseKind, SelectiveKernelConv

Stem = Literal["imagenet", "small", "cifar"]

# Far above any network that is about, and low enough for whoever builds what a file asks for.
_STAGES = 8
_MOST = {
    "depths": 200,
    "unit_widths": 1 << 16,
    "out_widths": 1 << 16,
    "stem_width": 1 << 16,
    "kernels": 255,
    "groups": 1 << 16,
    "reduction": 1 << 16,
    "min_features": 1 << 16,
    "classes": 1_000_000,
}
_LISTS = ("depths", "unit_widths", "out_widths", "kernels")


@dataclass(frozen=True)
class SKNetConfig:
    """The shape of an SKNet.

    Attributes:
        depths: units in each stage; the first stage of units is the paper's stage 2.
        unit_widths: channels of the SK convolutions in each stage.
        out_widths: channels that leave each stage.
        stem_width: channels of the stem.
        stem: ``"imagenet"`` is 7x7 stride 2 and a 3x3 max pool of stride 2; ``"small"`` is a
            3x3 of stride 2; ``"cifar"`` is a 3x3 of stride 1. The first stage keeps the stem's
            resolution, each later one halves it.
        kernels: extents of the branches, smallest first.
        groups: groups G of the branch convolutions.
        reduction: r of equation 4.
        min_features: L of equation 4.
        fuse: see :class:`~sk_viz.networks.selective_kernel.SelectiveKernelConv`.
        select_bias: the same.
        classes: number of classes.

    Raises:
        ModelError: an entry of the wrong kind or out of bounds; what a file says may be anything.
    """

    depths: tuple[int, ...]
    unit_widths: tuple[int, ...]
    out_widths: tuple[int, ...]
    stem_width: int = 64
    stem: Stem = "imagenet"
    kernels: tuple[int, ...] = (3, 5)
    groups: int = 32
    reduction: int = 16
    min_features: int = 32
    fuse: FuseKind = "normalised"
    select_bias: bool = False
    classes: int = 1000

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            given = getattr(self, name)
            several = name in _LISTS
            if several and not (isinstance(given, tuple | list) and 1 <= len(given) <= _STAGES):
                raise ModelError(f"{name} is {_brief(given)}: give a list of 1 to {_STAGES}.")
            if not all(type(n) is int and 1 <= n <= most for n in (given if several else (given,))):
                raise ModelError(
                    f"{name} is {_brief(given)}: give whole numbers from 1 to {most:,}."
                )
        if not len(self.depths) == len(self.unit_widths) == len(self.out_widths):
            raise ModelError("depths, unit_widths and out_widths must be of equally many stages.")
        if any(width % self.groups for width in self.unit_widths):
            raise ModelError(f"unit_widths must be multiples of the {self.groups} groups.")
        for name, allowed in (("stem", get_args(Stem)), ("fuse", get_args(FuseKind))):
            if getattr(self, name) not in allowed:
                given = _brief(getattr(self, name))
                raise ModelError(f"{name} is {given}: choose {', '.join(allowed)}.")
        if type(self.select_bias) is not bool:
            raise ModelError(f"select_bias is {_brief(self.select_bias)}: choose true or false.")


class SKBottleneck(nn.Module):
    """1x1, SK convolution, 1x1, and the shortcut (paper, table 1)."""

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int, config: SKNetConfig
    ) -> None:
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.sk = SelectiveKernelConv(
            width,
            kernels=config.kernels,
            groups=config.groups,
            stride=stride,
            reduction=config.reduction,
            min_features=config.min_features,
            fuse=config.fuse,
            select_bias=config.select_bias,
        )
        self.expand = nn.Sequential(
            nn.Conv2d(width, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.shortcut: nn.Module = (
            nn.Identity()
            if stride == 1 and in_channels == out_channels
            else nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        )
        self.activate = nn.ReLU()

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The norm whose scale is the strength of the residual branch."""
        norm = self.expand[1]
        assert isinstance(norm, nn.BatchNorm2d)
        return norm

    def forward(
        self, x: Tensor, held: Tensor | None = None, chosen: list[Tensor] | None = None
    ) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H', W').

        ``held`` and ``chosen`` are those of
        :meth:`~sk_viz.networks.selective_kernel.SelectiveKernelConv.forward`.
        """
        selected = self.sk(self.reduce(x), held, chosen)
        output: Tensor = self.activate(self.expand(selected) + self.shortcut(x))
        return output


class SKNet(nn.Module):
    """A selective kernel network; ``forward`` returns the logits (N, classes) alone.

    ``blocks`` holds the units in order under their names in the paper, ``SK_2_1`` first.
    """

    def __init__(self, config: SKNetConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = _stem(config)
        self.blocks = nn.ModuleDict()
        channels = config.stem_width
        shapes = zip(config.depths, config.unit_widths, config.out_widths, strict=True)
        for stage, (depth, width, out_channels) in enumerate(shapes, start=2):
            for block in range(1, depth + 1):
                stride = 2 if block == 1 and stage > 2 else 1
                self.blocks[f"SK_{stage}_{block}"] = SKBottleneck(
                    channels, width, out_channels, stride, config
                )
                channels = out_channels
        self.head = nn.Linear(channels, config.classes)
        self._initialise()

    def forward(
        self,
        x: Tensor,
        held: Mapping[str, Tensor] | None = None,
        chosen: list[Tensor] | None = None,
    ) -> Tensor:
        """Logits of normalised pictures.

        Nothing is kept on the module, so threads may share one network.

        Args:
            x: (N, 3, H, W).
            held: weights (N or 1, M, C) to use in place of a unit's own, by unit name.
            chosen: a list to which the weights (N, M, C) that each unit chose are appended, in
                order, also where other weights were held.

        Returns:
            Logits (N, classes).
        """
        x = self.stem(x)
        for name, block in self.blocks.items():
            x = block(x, held.get(name) if held else None, chosen)
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits

    def forward_with_weights(
        self, x: Tensor, held: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits as :meth:`forward` returns them, and the weights (N, M, C) of every unit."""
        chosen: list[Tensor] = []
        return self(x, held, chosen), chosen

    def wake(self) -> None:
        """Let the residual branches of an untrained network speak.

        They start silent, which trains better; but then nothing that a unit chooses reaches the
        logits, and there would be nothing to see.
        """
        for block in self.blocks.values():
            assert isinstance(block, SKBottleneck)
            nn.init.ones_(block.last_norm.weight)

    def _initialise(self) -> None:
        """He initialisation, and each residual branch silent at first (its last scale is 0)."""
        for module in self.modules():
            # Without numbers there is nothing to draw, and torch loads its compiler to do so.
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, SKBottleneck):
                nn.init.zeros_(module.last_norm.weight)


def _brief(value: object) -> str:
    """A value as it is written, cut to what fits a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _stem(config: SKNetConfig) -> nn.Sequential:
    size, stride = {"imagenet": (7, 2), "small": (3, 2), "cifar": (3, 1)}[config.stem]
    layers: list[nn.Module] = [
        nn.Conv2d(3, config.stem_width, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(config.stem_width),
        nn.ReLU(),
    ]
    if config.stem == "imagenet":
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers)


def sknet26(**changes: Any) -> SKNet:
    """SKNet-26: 16,746,408 parameters."""
    return SKNet(replace(_IMAGENET, depths=(2, 2, 2, 2), **changes))


def sknet50(**changes: Any) -> SKNet:
    """SKNet-50: 27,479,784 parameters, 4.46 GMACs at 224 (paper, table 1).

    Args:
        changes: fields of :class:`SKNetConfig` that differ, such as ``kernels=(3, 5, 7)``.
    """
    return SKNet(replace(_IMAGENET, **changes))


def sknet101(**changes: Any) -> SKNet:
    """SKNet-101: 48,736,040 parameters, 8.45 GMACs at 224; d by equation 4 in every stage."""
    return SKNet(replace(_IMAGENET, depths=(3, 4, 23, 3), **changes))


def sknet29_cifar(**changes: Any) -> SKNet:
    """SKNet-29 for 32 px pictures: ResNeXt-29 16x32d with SK[2, 32, 16] (paper, section 4.2).

    28,256,394 parameters with ten classes. The paper prints 27.7M and not its settings, and no
    value of M, G and r gives that figure by equation 4. G = 32, the paper's default, keeps two
    branches at the cost of ResNeXt's one with 16 groups (25.1M in all) and comes within 2 %.
    """
    return SKNet(replace(_CIFAR, **changes))


def sknet_tiny(**changes: Any) -> SKNet:
    """The bundled network, for inputs of 88 px."""
    return SKNet(replace(_TINY, **changes))


_IMAGENET = SKNetConfig(
    depths=(3, 4, 6, 3), unit_widths=(128, 256, 512, 1024), out_widths=(256, 512, 1024, 2048)
)
_CIFAR = SKNetConfig(
    depths=(3, 3, 3),
    unit_widths=(512, 1024, 2048),
    out_widths=(256, 512, 1024),
    stem="cifar",
    classes=10,
)
_TINY = SKNetConfig(
    depths=(2, 2, 3, 2),
    unit_widths=(32, 64, 128, 256),
    out_widths=(64, 160, 384, 640),
    stem_width=32,
    stem="small",
    groups=4,
    classes=176,
)
