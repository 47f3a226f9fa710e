"""What a file of ``torch.save`` asks for, found out without opening it.

``torch.load`` with ``weights_only`` runs no code of the file, but calls what it knows to be
harmless with arguments of the file's choice: counting the bytes of an array of 100 GB is harmless
and never ends. Weights need almost nothing of that.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from pathlib import Path
from typing import BinaryIO

_NEEDED = re.compile(
    r"collections OrderedDict"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter)"
    r"|torch\.nn\.parameter Parameter"
    r"|torch (Double|Float|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage"
    r"|torch (Size|device|u?int\d+|b?float\d+|bool)"
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


def inspect(path: Path) -> None:
    """Look through a file before ``torch.load`` opens it.

    Raises:
        DamagedError: it is neither kind of ``torch.save``, compressed (which that never does), or
            says to hold more than it is long.
        ForeignError: its pickle names what weights do not need.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_MAX_PICKLE)
        if head.startswith(_ZIP):
            _inspect_pickle(io.BytesIO(_pickle_of_zip(path)))
        else:
            legacy = io.BytesIO(head)
            for _ in range(_LEGACY_PICKLES):
                _inspect_pickle(legacy)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
        raise DamagedError(str(error)) from error


def _pickle_of_zip(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        packed = any(e.compress_type != zipfile.ZIP_STORED for e in entries)
        if packed or sum(e.file_size for e in entries) > path.stat().st_size:
            raise DamagedError("it says to hold more than it is long")
        pickles = [e for e in entries if e.filename.rpartition("/")[2] == "data.pkl"]
        if len(pickles) != 1 or pickles[0].file_size > _MAX_PICKLE:
            raise DamagedError("it holds no single list of weights")
        return archive.read(pickles[0])


def _inspect_pickle(file: BinaryIO) -> None:
    """Read the instructions of one pickle, and follow them only in how large things would be."""
    stack: list[int] = []
    memo: dict[object, int] = {}
    ways = 0
    for code, argument, _ in pickletools.genops(file):
        if code.name in ("GLOBAL", "INST") and not _NEEDED.fullmatch(str(argument)):
            raise ForeignError(str(argument).replace(" ", "."))
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
