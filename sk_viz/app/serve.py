"""Streamlit's server, with what takes longest on its way before the first visitor is there.

``python -m sk_viz.app.serve SCRIPT --server.port=...`` takes what ``streamlit run`` takes.
"""

from __future__ import annotations

import os
import sys
import threading

from sk_viz.app.server.ending import ending
from sk_viz.app.server.heap import share_the_heap


def main() -> None:
    """Serve until stopped; leaves with Streamlit's exit code."""
    # Two pieces of work at a time have more threads than there are cores. Threads that spin for
    # long while they wait would take the cores from those that they wait for, and a sweep takes
    # many times as long; threads that sleep at once take twice as long where nothing else runs.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    streamlit_is_there = threading.Event()
    share_the_heap()
    # No daemon: a thread that the end of the process takes out of a library aborts it.
    threading.Thread(target=_load, args=(streamlit_is_there,), name="load").start()
    try:
        from streamlit.web.cli import main as streamlit
    finally:
        streamlit_is_there.set()
    try:
        streamlit(["run", *sys.argv[1:]])
    finally:
        ending.set()


def _load(streamlit_is_there: threading.Event) -> None:
    # A script that asks for one of them meanwhile waits for it, as for every import.
    import torch  # noqa: F401

    streamlit_is_there.wait()  # two threads must not be at the same package's first import
    from sk_viz.app.warm_up import prepare

    prepare()


if __name__ == "__main__":
    main()
