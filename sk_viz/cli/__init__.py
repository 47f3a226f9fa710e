"""The command line, ``python -m sk_viz`` or ``sk-viz``.

Exit codes: 0 done; 2 the input was wrong (one line on stderr); 1 a bug of this project.
"""

from __future__ import annotations

import errno
import logging
import sys

import typer
from typer.exceptions import TyperException

from sk_viz.cli import (
    app,
    attribute,
    bench,
    evaluate,
    fields,
    figure,
    intervene,
    layers,
    models,
    report,
    size,
    survey,
    sweep,
    train,
    worth,
)
from sk_viz.errors import ModelError, PictureError, ScaleError

_NOT_WRITTEN = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.ENAMETOOLONG,
    errno.ENOTDIR, errno.EISDIR,
)  # fmt: skip

cli = typer.Typer(
    name="sk-viz",
    help="Watch a selective kernel network choose its receptive field.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# In the order in which the help lists them.
for module in (
    app,
    models,
    sweep,
    attribute,
    fields,
    layers,
    intervene,
    size,
    survey,
    report,
    worth,
    figure,
    train,
    evaluate,
    bench,
):
    module.register(cli)


def main() -> int:
    """Run the command line with the words of this process; its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    return run(sys.argv[1:])


def run(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name.

    Returns:
        The exit code: 0, or 2 where the input was wrong. A bug raises.
    """
    try:
        code = typer.main.get_command(cli).main(arguments, "sk-viz", standalone_mode=False)
    except (PictureError, ModelError, ScaleError) as error:
        return _refuse(str(error))
    except TyperException as error:
        return _refuse(f"{_said(error)} See 'sk-viz --help'.")
    except (KeyboardInterrupt, typer.Abort):
        return _refuse("Stopped.", code=130)
    except BrokenPipeError:
        return 0
    except (OSError, RuntimeError, MemoryError) as error:
        return _refuse(_of_machine(error))
    return code if isinstance(code, int) else 0


def _said(error: TyperException) -> str:
    """What is wrong with the arguments, as a sentence."""
    words: str = getattr(error, "format_message", error.__str__)()
    return words if words.endswith(".") else f"{words}."


def _of_machine(error: Exception) -> str:
    """What the disk or a device did, as a sentence; raises any other error again."""
    from sk_viz.networks.device import device_sentence

    if isinstance(error, OSError) and error.errno in _NOT_WRITTEN:
        place = repr(str(error.filename)) if error.filename else "What was asked for"
        return f"{place} cannot be written: {error.strerror}. What was finished before is kept."
    sentence = device_sentence(error)
    if sentence is None:
        raise error
    return sentence


def _refuse(sentence: str, code: int = 2) -> int:
    print(f"sk-viz: {' '.join(sentence.split())}", file=sys.stderr)
    return code
