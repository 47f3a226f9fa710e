"""``python -m sk_viz`` and ``sk-viz``: the command line, quiet when it is stopped at any moment."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Before the command has begun and after it has ended, Ctrl-C simply ends the process.
    handler = signal.getsignal(signal.SIGINT)
    stops = handler is signal.default_int_handler  # not where a shell has it ignored
    if stops:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sk_viz.cli import main as command_line

    code = 130
    try:
        if stops:
            signal.signal(signal.SIGINT, handler)
        code = command_line()
    except KeyboardInterrupt:  # a second one, while it cleaned up after the first
        pass
    finally:
        if stops:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


if __name__ == "__main__":
    main()
