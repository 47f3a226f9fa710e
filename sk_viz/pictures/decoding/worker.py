"""The process that decodes for :mod:`~sk_viz.pictures.decoding.isolated`, and does nothing else.

It reads one picture after the other from its standard input and ends when that is closed. It
answers with numbers and plain bytes, so that even an attacker in control of it could not make the
process that asked run anything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from sk_viz.errors import PictureError
from sk_viz.pictures.decoding.formats import decode
from sk_viz.pictures.decoding.isolated import HEAD, LENGTH, READY

SECONDS = 2.0
MEMORY = 1_500_000_000


def serve(seconds: float = SECONDS, memory: int = MEMORY) -> None:
    """Decode until standard input is closed.

    Args:
        seconds: of processor time that one picture may take; more ends the process. Not on
            Windows.
        memory: bytes of addresses that may be taken on top of those of the start; more makes a
            picture one that cannot be read. Only on Linux.
    """
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library might print must not be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    cv2.setNumThreads(1)
    _bound_memory(memory)
    answers.write(READY)
    answers.flush()
    while head := asked.read(HEAD.size):
        question, data = (asked.read(length) for length in HEAD.unpack(head))
        _bound_time(seconds)
        _answer(json.loads(question), data, answers)
        answers.flush()
        _bound_time(0)


def _answer(question: dict[str, str], data: bytes, answers: BinaryIO) -> None:
    try:
        pixels = np.ascontiguousarray(decode(data, question["format"], question["name"]))
    except PictureError as error:
        _say({"refused": str(error)}, answers)
    else:
        _say({"shape": pixels.shape}, answers)
        answers.write(pixels.data)


def _say(answer: dict[str, object], answers: BinaryIO) -> None:
    text = json.dumps(answer).encode()
    answers.write(LENGTH.pack(len(text)) + text)


def _bound_time(seconds: float) -> None:
    """End this process by SIGPROF once it has computed for so long; 0 takes the bound away."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _bound_memory(memory: int) -> None:
    """Let a bomb fail here, and leave no core file with somebody's picture in it."""
    if sys.platform != "linux":  # the others have no such bound, or do not keep it
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    bound = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
