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
from sk_viz.app.server.heap import share_the_heap
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
# Half of many blocks are freed, every other one, so that the heap has gaps and no free end.
GAPS = """
import ctypes, sys
from sk_viz.app.server.heap import give_back
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6
blocks = [libc.malloc(64_000) for _ in range(2000)]
for block in blocks:
    libc.memset(block, 1, 64_000)
for block in blocks[::2]:
    libc.free(block)
before = resident()
give_back()
print(before - resident())
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heaps are those of glibc")


@glibc
@pytest.mark.parametrize(("how", "two"), [("shared", True), ("by itself", False)])
def test_threads_share_two_heaps(how: str, two: bool, tmp_path: Path) -> None:
    told = tmp_path / "info"
    subprocess.run([sys.executable, "-c", PROGRAM, how, str(told)], check=True)
    assert (told.read_text().count("<heap nr") <= 2) == two


@glibc
def test_what_is_free_between_blocks_that_are_not_is_given_back() -> None:
    ended = subprocess.run([sys.executable, "-c", GAPS], check=True, capture_output=True, text=True)
    assert 45 < float(ended.stdout) < 70  # of 64 MB that are free
