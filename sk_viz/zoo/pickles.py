"""What a file of ``torch.save`` asks for, found out before it is opened.

``torch.load`` with ``weights_only`` runs no code of the file, but calls what it knows to be
harmless with arguments of the file's choice: counting the bytes of an array of 100 GB is harmless
and never ends. Weights need almost nothing of that. What training scripts store beside them, such
as the arguments of the command, becomes inert objects: nothing that a file names is called.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

_NEEDED = re.compile(
    r"collections OrderedDict"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter)"
    r"|torch\.nn\.parameter Parameter"
    r"|torch (Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage"
    r"|torch (Size|device|u?int\d+|b?float\d+|bool)"
)
# What is stored beside weights, and read as nothing.
_BOOKKEEPING = re.compile(
    r"argparse Namespace"
    r"|collections (defaultdict|deque)"
    r"|numpy(\._?core)?\.multiarray (scalar|_reconstruct)"
    r"|numpy (dtype|ndarray|(float|int|uint)\d+|bool_?)"
    r"|numpy\.dtypes \w+"
    r"|pathlib(\._local)? \w*Path"
    r"|(__builtin__|builtins) (set|frozenset|slice|complex|list|dict|tuple|int|float|str|bool)"
    r"|_codecs encode"
    r"|datetime (datetime|date|timedelta|timezone)"
    r"|(pytorch_lightning|lightning|lightning_fabric|omegaconf|yacs|easydict|addict|mmengine|timm)"
    r"(\.\w+)* \w+"
    r"|torch\.optim(\.\w+)* \w+"
)
_ZIP = b"PK\x03\x04"
# A number that marks the file, a version, the writer's system, the content, names of storages.
_LEGACY_PICKLES = 5
_MAX_PICKLE = 1 << 21  # the names and shapes of SKNet-101 take a tenth of it
# A pair of a pair of a pair, each taken twice, is hashed as many times as there are ways through
# it: with sixty of them it never ends. A large network takes a hundredth of this.
_MAX_WAYS = 10_000_000
_MAKES = ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "REDUCE", "NEWOBJ")
_MARK = -1


class DamagedError(Exception):
    """Not such a file, or not a whole one."""


class ForeignError(Exception):
    """It asks for something that weights do not need; the message is what."""


class Inert:
    """In place of an object that no weights need: takes everything and does nothing."""

    def __new__(cls, *_: object, **__: object) -> Inert:
        """One more, whatever it is called with."""
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def append(self, _: object) -> None:
        """Take an item and forget it."""

    def extend(self, _: object) -> None:
        """Take items and forget them."""


class Unpickler(pickle.Unpickler):
    """Knows what weights need, and an :class:`Inert` for what is stored beside them.

    This module stands for ``pickle`` where ``torch.load`` takes one.
    """

    def find_class(self, module: str, name: str) -> Any:
        """The object of a name, as :func:`inspect` allows it."""
        named = f"{module} {name}"
        if _NEEDED.fullmatch(named):
            return super().find_class(module, name)
        if _BOOKKEEPING.fullmatch(named):
            return Inert
        raise ForeignError(named.replace(" ", "."))


def load(file: Any, **options: Any) -> Any:
    """As ``pickle.load``, by :class:`Unpickler`."""
    return Unpickler(file, **options).load()


def inspect(path: Path) -> bool:
    """Look through a file before ``torch.load`` opens it.

    Returns:
        Whether anything but weights is stored in it, for which :class:`Unpickler` is needed.

    Raises:
        DamagedError: it is neither kind of ``torch.save``, compressed (which that never does), or
            claims more data than the file holds.
        ForeignError: its pickle names what weights do not need.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_MAX_PICKLE)
        if head.startswith(_ZIP):
            return _inspect_pickle(io.BytesIO(_pickle_of_zip(path)))
        legacy = io.BytesIO(head)
        return sum(_inspect_pickle(legacy) for _ in range(_LEGACY_PICKLES)) > 0
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
        raise DamagedError(str(error)) from error


def _pickle_of_zip(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [e.filename.rpartition("/")[2] for e in entries]
        if "constants.pkl" in names:  # torch.load would run it
            raise ForeignError("a TorchScript interpreter")
        packed = any(e.compress_type != zipfile.ZIP_STORED for e in entries)
        if packed or sum(e.file_size for e in entries) > path.stat().st_size:
            raise DamagedError("it claims more data than the file holds")
        pickles = [e for e, name in zip(entries, names, strict=True) if name == "data.pkl"]
        if len(pickles) != 1 or pickles[0].file_size > _MAX_PICKLE:
            raise DamagedError("it holds no single list of weights")
        return archive.read(pickles[0])


def _inspect_pickle(file: BinaryIO) -> bool:
    """Read the instructions of one pickle, and follow them only in how large things would be.

    Returns:
        Whether it names what is stored beside weights.
    """
    extras = False
    stack: list[int] = []
    memo: dict[object, int] = {}
    ways = 0
    for code, argument, _ in pickletools.genops(file):
        if code.name in ("GLOBAL", "INST") and not _NEEDED.fullmatch(str(argument)):
            if code.name == "INST" or not _BOOKKEEPING.fullmatch(str(argument)):
                raise ForeignError(str(argument).replace(" ", "."))
            extras = True
        if code.name == "STACK_GLOBAL":  # named by what stands before it, and unknown to torch
            raise ForeignError("a name put together while it is read")
        try:
            taken = _take(stack, code.stack_before)
            if "PUT" in code.name:
                memo[argument] = stack[-1]
            elif "GET" in code.name:
                stack.append(memo[argument])
            elif code.stack_after == [pickletools.markobject]:
                stack.append(_MARK)
            elif code.stack_after:
                stack.append(1 + taken if code.name in _MAKES else 1)
        except LookupError:
            raise DamagedError("its instructions make no sense") from None
        ways += taken
        if ways > _MAX_WAYS:
            raise DamagedError("it repeats itself")
    return extras


def _take(stack: list[int], kinds: list[pickletools.StackObject]) -> int:
    """Take from a stack what an instruction takes; the ways through all of it."""
    taken, single = 0, len(kinds)
    if pickletools.markobject in kinds:
        single = kinds.index(pickletools.markobject)
        while (top := stack.pop()) != _MARK:
            taken += top
    for _ in range(single):
        taken += stack.pop()
    return taken
