"""What a paper needs beside the figure's file: the snippet that includes it, and what to cite."""

from __future__ import annotations

import re

from sk_viz.version import __version__

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "…": r"\ldots{}",
    "\N{MINUS SIGN}": "$-$",
}


# The kernel's own names for characters that cannot stand in an argument as they are.
_IN_FILES = {
    "%": r"\csname @percentchar\endcsname ",
    "\\": r"\csname @backslashchar\endcsname ",
    "{": r"\csname @charlb\endcsname ",
    "}": r"\csname @charrb\endcsname ",
    **{letter: rf"\string{letter}" for letter in "#$&^~"},
}
# Of a number, not of a word: LaTeX would set it as a hyphen.
_MINUS = re.compile(r"(?<![\w.-])-(?=\.?\d)")


def escape(text: str) -> str:
    """Text that LaTeX prints as it stands, with a minus before numbers."""
    text = _MINUS.sub("\N{MINUS SIGN}", text)
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def escape_file(name: str) -> str:
    r"""The name of a file as ``\includegraphics`` takes it.

    Each special character becomes something that expands to the plain character, since a file's
    name is expanded and not typeset.
    """
    written = ""
    for letter in name:
        if letter == " " and written.endswith(r"\endcsname "):
            written += r"\space "  # a plain one only ends the word before it
        else:
            written += _IN_FILES.get(letter, letter)
    return written


def snippet(file_name: str, caption: str, command: str, *, spans: bool) -> str:
    """The figure environment of a figure.

    Args:
        file_name: of the figure.
        caption: plain text, with the numbers.
        command: that makes the figure again, kept as a comment.
        spans: over both columns of a page.
    """
    kind = "figure*" if spans else "figure"
    label = re.sub(r"[^a-z0-9]+", "-", file_name.rsplit(".", 1)[0].lower()).strip("-")
    one_line = " ".join(command.split())
    stem, _, ending = file_name.rpartition(".")
    included = f"\\includegraphics{{{escape_file(file_name)}}}"
    if ending == "svg":  # which LaTeX does not read by itself
        included = f"\\includesvg{{{escape_file(stem)}}}  % \\usepackage{{svg}}"
    return (
        f"% Made by: {one_line}\n"
        f"\\begin{{{kind}}}[t]\n"
        "  \\centering\n"
        f"  {included}\n"
        f"  \\caption{{{escape(caption)} Made with SK-Viz~\\cite{{skviz}}; "
        "the network is an SKNet~\\cite{li2019selective}.}\n"
        f"  \\label{{fig:{label}}}\n"
        f"\\end{{{kind}}}\n"
    )


def bibtex() -> str:
    """The paper and this software, for a bibliography."""
    return f"""@inproceedings{{li2019selective,
  title     = {{Selective Kernel Networks}},
  author    = {{Li, Xiang and Wang, Wenhai and Hu, Xiaolin and Yang, Jian}},
  booktitle = {{Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern
               Recognition (CVPR)}},
  pages     = {{510--519}},
  year      = {{2019}}
}}

@software{{skviz,
  title   = {{{{SK-Viz}}: watch a selective kernel network choose its receptive field}},
  author  = {{{{The SK-Viz contributors}}}},
  version = {{{__version__}}},
  year    = {{2026}}
}}
"""
