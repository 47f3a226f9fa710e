"""From the names that several projects give their weights to a network that holds them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.sknet import SKNet, SKNetConfig, sknet29_cifar, sknet_tiny
from sk_viz.preprocessing import Preprocessing
from sk_viz.zoo.checkpoints import State, brief, fill
from sk_viz.zoo.own import OWN_PREPROCESSING


@dataclass(frozen=True)
class _Layout:
    """How a project names the weights of an SKNet.

    Attributes:
        project: shown to people.
        block: pattern of a unit's names, with the groups stage, block and rest.
        first: stage and block numbers of ``SK_2_1`` in those names.
        inside: patterns of the rest, and what stands for them in this project.
        outside: the same for stem and head.
    """

    project: str
    block: str
    first: tuple[int, int]
    inside: tuple[tuple[str, str], ...]
    outside: tuple[tuple[str, str], ...]


_LAYOUTS = (
    _Layout(
        project="timm",
        block=r"layer(?P<stage>\d{1,3})\.(?P<block>\d{1,3})\.(?P<rest>.+)",
        first=(1, 0),
        inside=(
            (r"conv1\.conv\.", "reduce.0."),
            (r"conv1\.bn\.", "reduce.1."),
            (r"conv2\.paths\.(\d+)\.conv\.", r"sk.branches.\1.0."),
            (r"conv2\.paths\.(\d+)\.bn\.", r"sk.branches.\1.1."),
            (r"conv2\.attn\.fc_reduce\.", "sk.fuse.0."),
            (r"conv2\.attn\.bn\.", "sk.fuse.1."),
            (r"conv2\.attn\.fc_select\.", "sk.select."),
            (r"conv3\.conv\.", "expand.0."),
            (r"conv3\.bn\.", "expand.1."),
            (r"downsample\.", "shortcut."),
        ),
        outside=((r"conv1\.", "stem.0."), (r"bn1\.", "stem.1."), (r"fc\.", "head.")),
    ),
    _Layout(
        project="pytorchcv",
        block=r"features\.stage(?P<stage>\d{1,3})\.unit(?P<block>\d{1,3})\.(?P<rest>.+)",
        first=(1, 1),
        inside=(
            (r"body\.conv1\.conv\.", "reduce.0."),
            (r"body\.conv1\.bn\.", "reduce.1."),
            (r"body\.conv2\.branches\.branch(\d+)\.conv\.", r"sk.branches.\1.0."),
            (r"body\.conv2\.branches\.branch(\d+)\.bn\.", r"sk.branches.\1.1."),
            (r"body\.conv2\.fc1\.conv\.", "sk.fuse.0."),
            (r"body\.conv2\.fc1\.bn\.", "sk.fuse.1."),
            (r"body\.conv2\.fc2\.", "sk.select."),
            (r"body\.conv3\.conv\.", "expand.0."),
            (r"body\.conv3\.bn\.", "expand.1."),
            (r"identity_conv\.conv\.", "shortcut.0."),
            (r"identity_conv\.bn\.", "shortcut.1."),
        ),
        outside=(
            (r"features\.init_block\.conv\.conv\.", "stem.0."),
            (r"features\.init_block\.conv\.bn\.", "stem.1."),
            (r"output\.", "head."),
        ),
    ),
    _Layout(
        project="syt2/SKNet",
        block=r"stage_(?P<stage>\d{1,3})\.(?P<block>\d{1,3})\.(?P<rest>.+)",
        first=(1, 0),
        inside=(
            (r"conv1\.", "reduce."),
            (r"conv2\.convs\.", "sk.branches."),
            (r"conv2\.fc\.", "sk.fuse."),
            (r"conv2\.fcs\.", "sk.select."),
            (r"conv3\.", "expand."),
            (r"shortcut\.", "shortcut."),
        ),
        outside=((r"basic_conv\.", "stem."), (r"classifier\.", "head.")),
    ),
)
# What tells a unit in the names of each project, wherever it stands in them.
_ANCHOR = re.compile(
    r"(?:^|(?<=\.))(?:blocks\.SK_\d"
    r"|layer\d{1,3}\.\d{1,3}\.conv2\.(?:paths|attn)\."
    r"|features\.stage\d{1,3}\.unit\d{1,3}\.body\.conv2\."
    r"|stage_\d{1,3}\.\d{1,3}\.conv2\.)"
)
_TIMM_SPLIT = ("skresnet18", "skresnet34", "skresnet50", "skresnet50d")


class Restored(NamedTuple):
    """A network from a file of weights alone.

    Attributes:
        network: it.
        preprocessing: how it wants its pictures.
        layout: the project whose names the weights had.
        others: names of what the file holds besides.
    """

    network: nn.Module
    preprocessing: Preprocessing
    layout: str
    others: tuple[str, ...]


def network_from_state(state: State, source: str) -> tuple[nn.Module, Preprocessing, str]:
    """A network that holds these weights, how it wants its pictures, and whose layout it was.

    SKNets of every layout become an :class:`~sk_viz.networks.sknet.SKNet`, whatever their depth,
    width and number of classes; the kernels of M branches are taken to be 3, 5, 7, ... by
    dilation, which no weight shows. timm's networks with a split input become timm's own.

    Args:
        state: tensors by name.
        source: where they are from, for the messages.

    Raises:
        ModelError: an unknown layout, or weights that are missing, unknown or do not fit.
    """
    state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    split = _timm_split(state)
    if split is not None:
        fill(split, state, source)
        return split, Preprocessing(), "timm"
    renamed, project = to_own_names(state, source)
    config, preprocessing = _config(renamed, source)
    with torch.device("meta"):
        network = SKNet(config)
    fill(network, renamed, source)
    return network, preprocessing, project


def without_prefix(state: State) -> tuple[State, str, State]:
    """The weights of an SKNet without what stands before their names, such as ``encoder.q.``.

    Returns:
        The weights under that prefix, without it; the prefix; all other weights.
    """
    prefixes = Counter(name[: m.start()] for name in state if (m := _ANCHOR.search(name)))
    if not prefixes:
        return state, "", {}
    most = max(prefixes.values())
    prefix = min((p for p, count in prefixes.items() if count == most), key=len)
    inside = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return inside, prefix, {k: v for k, v in state.items() if not k.startswith(prefix)}


def network_from_checkpoint(state: State, source: str) -> Restored:
    """A network that holds the weights of a file, whatever stands before their names.

    Args:
        state: tensors by name.
        source: where they are from, for the messages.

    Raises:
        ModelError: as :func:`network_from_state`; what lies beside the network's weights is named.
    """
    inside, prefix, others = without_prefix(state)
    try:
        return Restored(*network_from_state(inside, source), others=tuple(others))
    except ModelError as error:
        if not others:
            raise
        try:  # the head may lie outside of what the prefix names
            return Restored(*network_from_state({**others, **inside}, source), others=())
        except ModelError:
            names = brief(", ".join(sorted(others)))
            raise ModelError(
                f"{str(error).rstrip('.')}; without the prefix {prefix!r} there are {names}."
            ) from error


def to_own_names(state: Mapping[str, Tensor], source: str) -> tuple[State, str]:
    """The same weights under the names of :class:`SKNet`, and whose names they had.

    Counters of batches are left out. Names that the layout does not know are kept.

    Raises:
        ModelError: not the names of any known layout.
    """
    state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    if any(k.startswith("blocks.SK_") for k in state):
        return state, "this project"
    for layout in _LAYOUTS:
        matched = any(
            (m := re.fullmatch(layout.block, k)) and _rename(m["rest"], layout.inside)[:3] == "sk."
            for k in state
        )
        if matched:
            renamed = {_own_name(k, layout): v for k, v in state.items()}
            return _join_maps(renamed, source), layout.project
    first = brief(min(state, default=""))
    raise ModelError(
        f"{source} does not hold an SKNet under names that are known (those of this project, "
        f"timm, pytorchcv or syt2/SKNet), but {first!r} and others."
    )


def _own_name(name: str, layout: _Layout) -> str:
    match = re.fullmatch(layout.block, name)
    if match is None:
        return _rename(name, layout.outside)
    stage = int(match["stage"]) - layout.first[0] + 2
    block = int(match["block"]) - layout.first[1] + 1
    rest = _rename(match["rest"], layout.inside)
    # pytorchcv counts its branches from two, as if by dilation plus one.
    if layout.project == "pytorchcv":
        rest = re.sub(r"^sk\.branches\.(\d{1,3})", lambda m: f"sk.branches.{int(m[1]) - 2}", rest)
    return f"blocks.SK_{stage}_{block}.{rest}"


def _rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        renamed, count = re.subn(rf"^{pattern}", replacement, name)
        if count:
            return renamed
    return name


def _join_maps(state: State, source: str) -> State:
    """One linear map for each branch (``select.0.weight`` ...) as the one of all branches."""
    joined: State = {}
    parts: dict[str, dict[int, Tensor]] = {}
    for name, value in state.items():
        match = re.fullmatch(r"(.+\.sk\.select)\.(\d{1,3})\.(weight|bias)", name)
        if match:
            parts.setdefault(f"{match[1]}.{match[3]}", {})[int(match[2])] = value
        else:
            joined[name] = value
    for name, pieces in parts.items():
        try:
            joined[name] = torch.cat([pieces[i] for i in sorted(pieces)])
        except RuntimeError as error:
            raise ModelError(f"{source}: the maps of {brief(name)} differ in shape.") from error
    return joined


def _config(state: State, source: str) -> tuple[SKNetConfig, Preprocessing]:
    """The shape of the network that these weights are of."""

    def shape(name: str, axes: int) -> tuple[int, ...]:
        value = state.get(name)
        if value is None:
            raise ModelError(f"{source} lacks the weights {name}.")
        if value.ndim != axes:
            raise ModelError(f"{source}: {name} has {value.ndim} axes, the network needs {axes}.")
        return tuple(value.shape)

    depths = _depths(state, source)
    firsts = [f"blocks.SK_{stage}_1." for stage in range(2, 2 + len(depths))]
    widths = tuple(shape(f"{first}reduce.0.weight", 4)[0] for first in firsts)
    branch = shape(f"{firsts[0]}sk.branches.0.0.weight", 4)
    count = len(
        {k for k in state if re.fullmatch(r"blocks\.SK_2_1\.sk\.branches\.\d+\.0\.weight", k)}
    )
    if branch[2:] != (3, 3) or 0 in branch:
        raise ModelError(
            f"{source}: its branches are dense {branch[2]}x{branch[3]} convolutions; an SKNet's "
            "are dilated 3x3."
        )
    features = tuple(shape(f"{first}sk.fuse.0.weight", 4)[0] for first in firsts)
    reduction, least = _reduction(widths, features, source)
    stem_width, _, size, _ = shape("stem.0.weight", 4)
    try:
        config = SKNetConfig(
            depths=depths,
            unit_widths=widths,
            out_widths=tuple(shape(f"{first}expand.0.weight", 4)[0] for first in firsts),
            stem_width=stem_width,
            kernels=tuple(3 + 2 * i for i in range(count)),
            groups=max(1, widths[0] // branch[1]),
            reduction=reduction,
            min_features=least,
            select_bias=f"{firsts[0]}sk.select.bias" in state,
            classes=shape("head.weight", 2)[0],
        )
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from error
    return _with_stem(config, size, source)


def _with_stem(config: SKNetConfig, size: int, source: str) -> tuple[SKNetConfig, Preprocessing]:
    """The stem's stride shows in no weight: known from 7x7, or from a network of this project."""
    if size == 7:
        return config, Preprocessing()
    known = (sknet_tiny, sknet29_cifar)
    with torch.device("meta"):
        for build in known:
            own = build(classes=config.classes).config
            if (own.depths, own.unit_widths) == (config.depths, config.unit_widths):
                return own, OWN_PREPROCESSING[own.stem]
    raise ModelError(
        f"{source}: the stride of its {size}x{size} stem cannot be told from the weights; keep "
        "the config.json beside model.safetensors."
    )


def _depths(state: State, source: str) -> tuple[int, ...]:
    found = {
        (int(m[1]), int(m[2]))
        for k in state
        if (m := re.match(r"blocks\.SK_(\d{1,3})_(\d{1,3})\.", k))
    }
    last = max((stage for stage, _ in found), default=1)
    depths = tuple(sum(s == stage for s, _ in found) for stage in range(2, last + 1))
    expected = {(s, b + 1) for s, depth in enumerate(depths, start=2) for b in range(depth)}
    if not depths or found != expected:
        missing = ", ".join(f"SK_{s}_{b}" for s, b in sorted(expected - found)) or "SK_2_1"
        raise ModelError(f"{source} lacks the unit {missing}.")
    return depths


def _reduction(widths: tuple[int, ...], features: tuple[int, ...], source: str) -> tuple[int, int]:
    """r and L of equation 4, the paper's 16 and 32 if they fit."""
    for r, least in product((16, 32, 8, 4, 2), (32, 16, 8, 64, 128)):
        if tuple(max(width // r, least) for width in widths) == features:
            return r, least
    raise ModelError(
        f"{source}: the compact features {features} of units {widths} wide follow no d = "
        "max(C / r, L) that is known."
    )


def _timm_split(state: State) -> nn.Module | None:
    """timm's network with a split input whose names and shapes these are."""
    head = state.get("fc.weight")
    if head is None or head.ndim != 2 or not any(".attn.fc_select." in name for name in state):
        return None
    import timm

    for name in _TIMM_SPLIT:
        with torch.device("meta"):
            empty: nn.Module = timm.create_model(name, num_classes=len(head))
        wanted = empty.state_dict()
        # The input of the first branch tells a split input from the paper's; any other weight
        # that does not fit is for ``fill`` to name.
        first = next(k for k in wanted if k.endswith("paths.0.conv.weight"))
        names = {k for k in wanted if not k.endswith("num_batches_tracked")}
        if names == state.keys() and wanted[first].shape == state[first].shape:
            return empty
    return None
