"""Read weights from files that may be broken, foreign or hostile."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.quiet import ignored_warnings
from sk_viz.zoo import pickles
from sk_viz.zoo.pickles import ForeignError, inspect

State = dict[str, Tensor]

# Under which training scripts store weights, the first that is there counts: an average of the
# weights (EMA) is what they evaluate.
_WRAPPERS = (
    "state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema_model", "ema",
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "params",
    "weights", "module", "backbone",
)  # fmt: skip
_PREFIXES = (
    "module.", "_orig_mod.", "model.", "backbone.", "net.", "network.", "ema_model.", "ema.",
    "model_ema.", "encoder.",
)  # fmt: skip
_COUNTER = "num_batches_tracked"
# Counters of torch, thop and averaged models, which no evaluation reads.
_COUNTERS = (_COUNTER, "total_ops", "total_params", "n_averaged")
_ZIP = b"PK\x03\x04"
_PICKLES = (_ZIP, *(b"\x80" + bytes([protocol]) for protocol in range(2, 6)))
_DEPTH = 4  # wrappers inside each other
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_MAX_HEADER = 1 << 22  # that of SKNet-101 takes a fortieth of it


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The weights of a file.

    Attributes:
        state: tensors by name, on the CPU.
        part: the entries of the file that they lie under, such as ``state_dict_ema``; "" where
            they are all that it holds.
    """

    state: State
    part: str


def read_state(path: Path) -> State:
    """The tensors of :func:`read_checkpoint`."""
    return read_checkpoint(path).state


def read_checkpoint(path: Path) -> Checkpoint:
    """The weights of a safetensors file or of one of ``torch.save``, whatever its name.

    The entries that training scripts store weights under (``state_dict``, ``model``, an EMA ...)
    and the prefixes of wrappers (``module.``, ``_orig_mod.``, ``model.`` ...) before every name are
    taken off. Counters, which evaluation never reads, are left out, and so is what is not a tensor
    beside the weights.

    Raises:
        ModelError: no such file, another kind of file, damaged, without tensors by name, tensors
            that are larger than the file, or a pickle that would run code, which is never run.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}; give the path of a checkpoint.")
    content, part = _unwrapped(_content(path))
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"{path.name} holds no weights by name; save the network's state_dict().")
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    state = {name: v for name, v in state.items() if not name.endswith(_COUNTERS)}
    if not state:
        others = brief(", ".join(str(name) for name in content))
        raise ModelError(
            f"{path.name} holds no weights by name, but {others}; save the network's state_dict()."
        )
    _check_sizes(state, path)
    return Checkpoint(_without_prefixes(state), part)


def _content(path: Path) -> object:
    """What the file holds; its first bytes tell how to read it."""
    with path.open("rb") as file:
        head = file.read(9)
    suffix = path.suffix.lower()
    # A safetensors file begins with a length, which may begin as a pickle does.
    if not head.startswith(_ZIP) and head[8:] == b"{":
        return _read_safetensors(path)
    if head.startswith(_PICKLES) or (suffix in (".pth", ".pt")):
        return _read_pickle(path)
    if suffix == ".safetensors":
        return _read_safetensors(path)
    raise ModelError(
        f"{path.name} is not a checkpoint: give a safetensors file or one of torch.save."
    )


def _unwrapped(content: object) -> tuple[object, str]:
    """The mapping of names to tensors inside the entries of a training script."""
    way: list[str] = []
    for _ in range(_DEPTH):
        if not isinstance(content, Mapping):
            break
        inner = {k: v for k, v in content.items() if isinstance(v, Mapping) and _has_tensors(v)}
        name = next((name for name in _WRAPPERS if name in inner), None)
        if name is None and len(inner) == 1 and not _has_own(content):
            name = next(iter(inner))
        if name is None:
            break
        content = inner[name]
        way.append(str(name))
    return content, ".".join(way)


def _has_own(content: Mapping[object, object]) -> bool:
    return any(isinstance(value, Tensor) for value in content.values())


def _has_tensors(content: Mapping[object, object], depth: int = _DEPTH) -> bool:
    return _has_own(content) or (
        depth > 0
        and any(_has_tensors(v, depth - 1) for v in content.values() if isinstance(v, Mapping))
    )


def _without_prefixes(state: State) -> State:
    """The same weights without the prefixes of wrappers that all names begin with."""
    while True:
        prefix = next((p for p in _PREFIXES if all(name.startswith(p) for name in state)), None)
        if prefix is None:
            return state
        state = {name.removeprefix(prefix): value for name, value in state.items()}


def fill(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into a network as float32, after all of them were checked.

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
        check_finite({name: value}, source)
        if name.endswith("running_var") and bool((value < 0).any()):
            raise ModelError(f"{source}: {name} holds variances below 0.")
    filled = {k: v.to(torch.float32, copy=True) for k, v in state.items()}
    for name in network.state_dict():
        filled.setdefault(name, torch.tensor(0))  # counters of batches
    network.load_state_dict(filled, assign=True)


def check_finite(state: Mapping[str, Tensor], source: str) -> None:
    """Do nothing when every weight is a finite number.

    Args:
        state: tensors by name.
        source: where the weights are from, for the message.

    Raises:
        ModelError: one is not; the message names it.
    """
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value.float()).all()):
            raise ModelError(f"{source}: {brief(name)} holds values that are not finite.")


def brief(text: str, most: int = 80) -> str:
    """A name from a file, cut to fit a sentence and in one line."""
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
        raise ModelError(
            f"{path.name} is damaged or is not a safetensors file: its header is too long."
        )
    try:
        return load_file(path)
    except Exception as error:
        reason = brief(str(error).split("\n", 1)[0], 200)
        raise ModelError(
            f"{path.name} is damaged or is not a safetensors file: {reason}."
        ) from error


def _read_pickle(path: Path) -> object:
    try:
        extras = inspect(path)
        options: dict[str, Any] = {"weights_only": True}
        if extras:  # by the reader that calls nothing of the file
            options = {"weights_only": False, "pickle_module": pickles}
        with ignored_warnings():  # torch warns about files that it then refuses
            content: object = torch.load(path, map_location="cpu", **options)
    except ForeignError as error:
        raise ModelError(
            f"{path.name} is a pickle that asks for {brief(str(error))}, which no weights need and "
            "which could run code, so it was not opened; save the network's state_dict() as "
            ".safetensors."
        ) from error
    except Exception as error:  # what a file does to its reader is not to be foreseen
        raise ModelError(f"{path.name} is damaged or is not a weights-only checkpoint.") from error
    return content


def _check_sizes(state: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are larger than the file: one number may be said to fill any shape."""
    for name, value in state.items():
        plain = value.layout == torch.strided and not value.is_meta and not value.is_quantized
        if not plain or not value.numel():
            raise ModelError(
                f"{path.name} holds {brief(name)}, which is empty or not a plain tensor."
            )
    claimed = sum(value.numel() * value.element_size() for value in state.values())
    if claimed > path.stat().st_size:
        raise ModelError(
            f"{path.name} claims {claimed / 1e6:,.0f} MB of weights, but is shorter; save "
            "the network's state_dict() again."
        )
