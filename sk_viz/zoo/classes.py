"""Names of classes."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from sk_viz.zoo.bundled import ClassName


@lru_cache(maxsize=1)
def imagenet_classes() -> tuple[ClassName, ...]:
    """The 1,000 classes of ImageNet-1k with their WordNet ids, from timm's tables.

    A class is named by its first word; where two classes share it, by all its words, and by its
    WordNet id besides if those are the same too, as with the two cranes.
    """
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    wnids = [str(w) for w in info.label_names()]
    full = [str(info.index_to_description(i)) for i in range(len(wnids))]
    first = [name.split(",")[0] for name in full]
    firsts, fulls = Counter(first), Counter(full)
    # A full description may be another class's first word.
    return tuple(
        ClassName(
            short
            if firsts[short] == 1
            else long
            if fulls[long] == 1 and firsts[long] < 2
            else f"{long} ({wnid})",
            (wnid,),
        )
        for short, long, wnid in zip(first, full, wnids, strict=True)
    )


def unnamed_classes(count: int) -> tuple[ClassName, ...]:
    """ImageNet's names for 1,000 classes, else "class 0", "class 1", ..."""
    if count == 1000:
        return imagenet_classes()
    return tuple(ClassName(f"class {i}") for i in range(count))
