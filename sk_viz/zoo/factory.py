"""Networks from a file or a module of one's own: ``FILE.py:FACTORY`` and ``MODULE:FACTORY``."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path

from torch import nn

from sk_viz.errors import ModelError

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def is_factory(text: str) -> bool:
    """Whether a text has the form ``FILE.py:FACTORY`` or ``MODULE:FACTORY``."""
    where, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier():
        return False
    return where.endswith(".py") or bool(_DOTTED.fullmatch(where))


def make_network(text: str) -> nn.Module:
    """The network that a factory returns.

    The file or module is imported, which runs its code: give only what you trust.

    Args:
        text: ``FILE.py:FACTORY`` or ``package.module:factory``; the factory is called without
            arguments.

    Raises:
        ModelError: no such file, module or factory; its code raises; it returns something else.
    """
    where, _, name = text.rpartition(":")
    module = _of_file(Path(where).expanduser()) if where.endswith(".py") else _of_module(where)
    factory = getattr(module, name, None)
    if not callable(factory):
        raise ModelError(f"{where} has no function {name!r}: name one that returns the network.")
    try:
        network = factory()
    except Exception as error:  # somebody else's code may raise anything
        raise ModelError(
            f"{name} of {where} failed with {_brief(error)}: it is called without arguments."
        ) from error
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"{name} of {where} returned a {type(network).__name__}: let it return a torch module."
        )
    return network


def _of_file(path: Path) -> object:
    if not path.is_file():
        raise ModelError(f"There is no file {path}; give FILE.py:FACTORY.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # What lies beside the file can be imported by it, as when the file is run.
    beside = str(path.resolve().parent)
    sys.path.insert(0, beside)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # somebody else's code may raise anything
        raise ModelError(f"{path} cannot be imported: {_brief(error)}.") from error
    finally:
        sys.path.remove(beside)
    return module


def _of_module(name: str) -> object:
    try:
        return importlib.import_module(name)
    except Exception as error:  # somebody else's code may raise anything
        raise ModelError(f"The module {name} cannot be imported: {_brief(error)}.") from error


def _brief(error: Exception) -> str:
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
