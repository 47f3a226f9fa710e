"""Reading weights from files that may be broken, foreign or hostile."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.quiet import ignored_warnings
from sk_viz.zoo.pickles import ForeignError, inspect

State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "ema")
_COUNTER = "num_batches_tracked"
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_MAX_HEADER = 1 << 22  # that of SKNet-101 takes a fortieth of it


def read_state(path: Path) -> State:
    """The tensors of a ``.safetensors``, ``.pth`` or ``.pt`` file, on the CPU.

    ``{"state_dict": ...}`` and ``{"model": ...}`` around the tensors and ``module.`` before every
    name are taken off; counters of batches, which evaluation never reads, are left out.

    Raises:
        ModelError: no such file, another kind of file, damaged, holding anything but tensors,
            tensors that are larger than the file, or a pickle that would run code, which is never
            run.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}; give the path of a checkpoint.")
    if path.suffix == ".safetensors":
        content = _read_safetensors(path)
    elif path.suffix in (".pth", ".pt"):
        content = _read_pickle(path)
    else:
        raise ModelError(f"{path.name} is no checkpoint: give a .safetensors, .pth or .pt file.")
    for name in _WRAPPERS:
        inner = content.get(name) if isinstance(content, Mapping) else None
        if isinstance(inner, Mapping):
            content = inner
            break
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"{path.name} holds no weights by name; save the network's state_dict().")
    others = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise ModelError(
            f"{path.name} holds {brief(str(others[0]))}, which is no tensor; save the network's "
            "state_dict()."
        )
    state = {str(name): value for name, value in content.items()}
    _check_sizes(state, path)
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return {name: value for name, value in state.items() if not name.endswith(_COUNTER)}


def fill(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a network, as float32, after every one of them was looked at.

    Args:
        network: on any device, also ``meta``, and on the CPU afterwards; changed in place, and
            only if all weights fit.
        state: tensors by the network's own names; counters of batches may be missing.
        source: where the weights are from, for the messages.

    Raises:
        ModelError: a weight that is missing, unknown, of a wrong shape, not floating point, not
            finite, or a variance below 0; the message names it.
    """
    wanted = {k: v for k, v in network.state_dict().items() if not k.endswith(_COUNTER)}
    for kind, names in (("lacks", wanted.keys() - state.keys()), ("has", state.keys() - wanted)):
        if names:
            first = brief(min(names))
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            what = "" if kind == "lacks" else ", which the network does not have"
            raise ModelError(f"{source} {kind} the weights {first}{more}{what}.")
    for name, value in state.items():
        if value.shape != wanted[name].shape:
            raise ModelError(
                f"{source}: {name} has the shape {tuple(value.shape)}, the network needs "
                f"{tuple(wanted[name].shape)}."
            )
        if value.dtype not in _DTYPES:
            kind = str(value.dtype).removeprefix("torch.")
            raise ModelError(
                f"{source}: {name} is {kind}, weights must be floating point of 16 to 64 bits."
            )
        if not bool(torch.isfinite(value.float()).all()):
            raise ModelError(f"{source}: {name} holds values that are not finite.")
        if name.endswith("running_var") and bool((value < 0).any()):
            raise ModelError(f"{source}: {name} holds variances below 0.")
    filled = {k: v.to(torch.float32, copy=True) for k, v in state.items()}
    for name in network.state_dict():
        filled.setdefault(name, torch.tensor(0))  # counters of batches
    network.load_state_dict(filled, assign=True)


def brief(text: str, most: int = 80) -> str:
    """What a file calls something, cut to what fits a sentence and in one line."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def file_sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_sha256(network: nn.Module) -> str:
    """Hex digest of the safetensors file that :func:`saved` would make of a network."""
    return hashlib.sha256(saved(network)).hexdigest()


def saved(network: nn.Module) -> bytes:
    """A network's weights as the bytes of a safetensors file, without counters of batches."""
    from safetensors.torch import save

    state = network.state_dict()
    content: bytes = save(
        {k: v.cpu().contiguous() for k, v in state.items() if not k.endswith(_COUNTER)}
    )
    return content


def _read_safetensors(path: Path) -> object:
    from safetensors.torch import load_file

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > min(_MAX_HEADER, path.stat().st_size):
        raise ModelError(f"{path.name} is damaged or no safetensors file: its header is too long.")
    try:
        return load_file(path)
    except Exception as error:
        reason = brief(str(error).split("\n", 1)[0], 200)
        raise ModelError(f"{path.name} is damaged or no safetensors file: {reason}.") from error


def _read_pickle(path: Path) -> object:
    try:
        inspect(path)
        with ignored_warnings():  # torch warns about files that it then refuses
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except ForeignError as error:
        raise ModelError(
            f"{path.name} is a pickle that asks for {brief(str(error))}, which no weights need and "
            "which could run code, so it was not opened; save the network's state_dict() as "
            ".safetensors."
        ) from error
    except Exception as error:  # what a file does to its reader is not to be foreseen
        raise ModelError(f"{path.name} is damaged or no checkpoint of weights alone.") from error
    return content


def _check_sizes(state: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are larger than the file: one number may be said to fill any shape."""
    for name, value in state.items():
        plain = value.layout == torch.strided and not value.is_meta and not value.is_quantized
        if not plain or not value.numel():
            raise ModelError(f"{path.name} holds {brief(name)}, which is empty or no plain tensor.")
    claimed = sum(value.numel() * value.element_size() for value in state.values())
    if claimed > path.stat().st_size:
        raise ModelError(
            f"{path.name} says to hold {claimed / 1e6:,.0f} MB of weights, but is shorter; save "
            "the network's state_dict() again."
        )
