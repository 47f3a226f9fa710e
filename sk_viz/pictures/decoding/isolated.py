"""Decoding in processes of its own, so that a crashing decoder ends nothing else.

The processes start with the first picture and stay for the next ones. Each computes on one picture
at a time, with bounds on processor time and memory that hold (see
:mod:`~sk_viz.pictures.decoding.worker`) whatever the file says of itself; one that ended is
replaced.
"""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np

from sk_viz.errors import PictureError
from sk_viz.pictures.decoding.formats import MAX_PIXELS, Pixels

PROCESSES = min(max(os.cpu_count() or 1, 2), 16)  # at most; one starts when the others are busy
HEAD = struct.Struct(">II")  # lengths of the question and of the file
LENGTH = struct.Struct(">I")  # of an answer
READY = b"ready"
# By the clock, and so also for a decoder that waits: generous, since a busy machine is not the
# fault of the picture. A decoder that computes ends earlier, by ``worker.SECONDS`` of processor
# time.
WAIT = 60.0
_START = 60.0
_LONGEST = 1 << 20  # a sentence with the picture's name in it
_TIME_IS_UP = getattr(signal, "SIGPROF", 0)
_PROGRAM = "from sk_viz.pictures.decoding.worker import serve; serve()"


class Decoders:
    """Processes that decode, started when they are needed.

    Args:
        most: how many pictures are decoded at a time; others wait.
        wait: seconds by the clock that one picture may take in a process that has started.
        program: what such a process runs.
    """

    def __init__(self, most: int = PROCESSES, wait: float = WAIT, program: str = _PROGRAM) -> None:
        self._wait = wait
        self._program = program
        self._places = threading.BoundedSemaphore(most)
        self._free: list[_Process] = []

    def decode(self, data: bytes, format_: str, name: str) -> Pixels:
        """As :func:`sk_viz.pictures.decoding.formats.decode`, in one of the processes.

        Raises:
            PictureError: also when the decoder crashed, or took too long or too much memory.
        """
        with self._places:
            process = self._take(name)
            try:
                pixels = process.decode(data, format_, name, self._wait)
            except PictureError:
                self._keep(process)
                raise
            except BaseException:  # also when the caller is stopped halfway
                process.end()
                raise
            self._keep(process)
            return pixels

    def processes(self) -> list[int]:
        """Ids of the processes that wait for a picture."""
        return [process.pid for process in self._free]

    def close(self) -> None:
        """End the processes that wait; the next picture starts new ones."""
        while self._free:
            self._free.pop().end()

    def _take(self, name: str) -> _Process:
        while self._free:
            process = self._free.pop()
            if process.alive:
                return process
            process.end()
        try:
            return _Process(self._program)
        except OSError as error:
            raise PictureError(
                f"{name!r} cannot be decoded now, as no process for it could be started "
                f"({error.strerror or error}): try again later."
            ) from error

    def _keep(self, process: _Process) -> None:
        if process.alive:
            self._free.append(process)
        else:
            process.end()


class _Process:
    """One process that decodes, started; OSError when it cannot be."""

    def __init__(self, program: str) -> None:
        path = os.pathsep.join(os.path.abspath(place) for place in sys.path)  # noqa: PTH100
        self._expired = False
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            bufsize=0,  # so that a fork of this process holds no half-written question
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the process that asks
        )
        self.pid = self._popen.pid
        self._questions = cast(io.FileIO, self._popen.stdin)  # as it is with bufsize=0
        self._answers = cast(io.FileIO, self._popen.stdout)
        try:
            with self._at_most(_START):
                self._read(len(READY))
        except EOFError:
            self.end()
            raise OSError("it ended at once") from None

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._expired and self._popen.poll() is None

    def decode(self, data: bytes, format_: str, name: str, wait: float) -> Pixels:
        """Ask for one picture; a process that failed at it is not alive afterwards."""
        question = json.dumps({"format": format_, "name": name}).encode()
        try:
            with self._at_most(wait):
                self._write(HEAD.pack(len(question), len(data)) + question)
                self._write(data)
                (length,) = LENGTH.unpack(self._read(LENGTH.size))
                if length > _LONGEST:
                    raise ValueError("no answer is so long")
                answer = json.loads(self._read(length))
                pixels = None if "refused" in answer else self._read_pixels(answer["shape"])
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self.end()
            if self._expired or self._popen.returncode == -_TIME_IS_UP:
                raise PictureError(
                    f"{name!r} takes too long to decode: make it smaller, or save it again."
                ) from error
            raise PictureError(
                f"{name!r} made the decoder of {format_} files crash: save it again with another "
                "program."
            ) from error
        if pixels is None:
            raise PictureError(answer["refused"])
        return pixels

    def end(self) -> None:
        """Whatever it is doing."""
        self._popen.kill()
        self._popen.wait()
        self._questions.close()
        self._answers.close()

    @contextmanager
    def _at_most(self, seconds: float) -> Iterator[None]:
        """End the process when this takes longer, so the reader gets an error."""

        def expire() -> None:
            self._expired = True
            self._popen.kill()

        timer = threading.Timer(seconds, expire)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # one that was about to expire has done so

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._questions.write(left) :]

    def _read(self, count: int) -> bytearray:
        data = bytearray(count)
        self._fill(memoryview(data))
        return data

    def _read_pixels(self, shape: list[int]) -> Pixels:
        height, width, channels = shape
        if min(shape) < 1 or channels not in (3, 4) or height * width > MAX_PIXELS:
            raise ValueError("not the shape of a picture")
        pixels = np.empty((height, width, channels), np.uint8)
        self._fill(pixels.data.cast("B"))
        return pixels

    def _fill(self, buffer: memoryview) -> None:
        while buffer:
            count = self._answers.readinto(buffer)
            if not count:
                raise EOFError
            buffer = buffer[count:]


_decoders = Decoders()


def decode(data: bytes, format_: str, name: str) -> Pixels:
    """As :func:`sk_viz.pictures.decoding.formats.decode`, in one of the processes that all share.

    Raises:
        PictureError: also when the decoder crashed, or took too long or too much memory.
    """
    return _decoders.decode(data, format_, name)


def _forget() -> None:
    """In a fork: the answers to the parent's questions are not for the child to read."""
    global _decoders  # noqa: PLW0603
    _decoders = Decoders()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
