"""One colour for a branch and one for a sign, everywhere: on screen, on paper, light and dark.

From Okabe and Ito's palette, which people with any colour vision can tell apart. The smallest
kernel is always the first colour and the largest the second; in a difference (weight of the
largest minus weight of the smallest) negative is therefore the first and positive the second.
What speaks for or against something has two colours that are no branch's.
"""

from __future__ import annotations

SMALLEST = "#0072B2"
LARGEST = "#D55E00"
BETWEEN = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NEUTRAL = "#8A8A8A"
MIDDLE = "#F4F2EE"

# For and against what is explained: red, green, blue. Told apart by any colour vision, too.
FOR = (0, 158, 80)
AGAINST = (170, 40, 190)


def branch_colour(branch: int, branches: int) -> str:
    """Colour of a branch, counted from the smallest kernel, as a hex string."""
    if branch == 0:
        return SMALLEST
    if branch == branches - 1:
        return LARGEST
    return BETWEEN[(branch - 1) % len(BETWEEN)]


def difference_scale() -> list[tuple[float, str]]:
    """Stops of the diverging scale of a difference, over [0, 1] with 0.5 at no difference."""
    return [
        (0.0, "#003F66"),
        (0.25, SMALLEST),
        (0.5, MIDDLE),
        (0.75, LARGEST),
        (1.0, "#7A3300"),
    ]
