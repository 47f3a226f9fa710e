"""Labels from the folders that pictures lie in: which folder names classes, which splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sk_viz.datasets.splits import are_splits, is_container, is_split


@dataclass(frozen=True)
class ClassRoot:
    """A folder whose folders are the classes.

    Attributes:
        path: of it, "" for the root.
        split: the split that it holds, None where there is only one.
        labelled: whether its folders are classes; else its pictures have no labels.
    """

    path: str
    split: str | None
    labelled: bool


@dataclass(frozen=True)
class Layout:
    """Where the classes of a tree of pictures are.

    Attributes:
        roots: the folders whose folders are classes; one, or one for each split.
    """

    roots: tuple[ClassRoot, ...]

    @property
    def labelled(self) -> bool:
        """Whether any folder names a class."""
        return any(root.labelled for root in self.roots)

    def label_and_split(self, file: str) -> tuple[str | None, str | None]:
        """The label and the split of a picture by its path; None for each that it has not."""
        for root in self.roots:
            if not root.path or file.startswith(f"{root.path}/"):
                rest = file[len(root.path) :].lstrip("/")
                label, slash, _ = rest.partition("/")
                return (label if slash and root.labelled else None), root.split
        return None, None


@dataclass
class _Node:
    direct: int = 0
    folders: dict[str, _Node] = field(default_factory=dict)

    @property
    def below(self) -> int:
        return sum(node.direct + node.below for node in self.folders.values())


def find_layout(counts: Mapping[str, int]) -> Layout:
    """Find the classes from how many pictures lie directly in each folder.

    A folder that alone holds all others, such as the one around the class folders of a zip, is no
    class, nor is one called ``images``. Folders called ``train`` and ``test`` are splits. Pictures
    beside class folders have no label; when most pictures lie beside the folders, the folders are
    not taken for classes.

    Args:
        counts: pictures by the path of their folder, with forward slashes; "" is the root.
    """
    tree = _Node()
    for path, count in counts.items():
        node = tree
        for part in path.split("/") if path else ():
            node = node.folders.setdefault(part, _Node())
        node.direct += count
    return Layout(tuple(_roots(tree, "", None)))


def _roots(node: _Node, path: str, split: str | None) -> Iterator[ClassRoot]:
    while True:
        names = [name for name, child in node.folders.items() if child.direct + child.below]
        if split is None and are_splits(names):
            for name in names:
                inside = f"{path}/{name}" if path else name
                own = name if is_split(name) else None
                yield from _roots(node.folders[name], inside, own)
            return
        if len(names) != 1 or node.direct >= max(node.below, 1):
            break
        (name,) = names
        child = node.folders[name]
        if child.direct and not is_container(name):
            break
        path, node = (f"{path}/{name}" if path else name), child
    yield ClassRoot(path, split, node.below > node.direct)
