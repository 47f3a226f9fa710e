"""The server's heaps, as glibc itself counts them."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Twelve threads hold memory at the same time; then glibc says how many heaps there are.
PROGRAM = """
import ctypes, sys, threading
from sk_viz.pages.heap import share_the_heap
if sys.argv[1] == "shared":
    share_the_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.free.argtypes = libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
together = threading.Barrier(12)
def work():
    together.wait()
    blocks = [libc.malloc(1000) for _ in range(2000)]
    together.wait()
    for block in blocks:
        libc.free(block)
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heaps are those of glibc")
@pytest.mark.parametrize(("how", "two"), [("shared", True), ("by itself", False)])
def test_threads_share_two_heaps(how: str, two: bool, tmp_path: Path) -> None:
    told = tmp_path / "info"
    subprocess.run([sys.executable, "-c", PROGRAM, how, str(told)], check=True)
    assert (told.read_text().count("<heap nr") <= 2) == two
