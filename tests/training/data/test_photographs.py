import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sk_viz.errors import PictureError
from sk_viz.training.data.photographs import Group, read_photographs

GROUPS = (
    Group("walks", labelled=True, share=0.3, weight=1.0, held_out=0.5),
    Group("walks", labelled=False, share=0.2, weight=0.5, held_out=0.0),
)
CLASSES = ("blue things", "green things")


def test_what_a_photograph_may_show_is_shared_by_its_classes(photographs):
    classes = ("tabby cat", "Persian cat", "Egyptian cat", "green things")
    read = read_photographs(photographs, GROUPS, classes)
    assert list(read.kinds) == [*classes, "cat", "stone"]
    assert read.targets[:4].tolist() == np.eye(4).tolist()
    np.testing.assert_allclose(read.targets[4], [1 / 3, 1 / 3, 1 / 3, 0])
    assert read.targets[5].tolist() == [0.25] * 4  # none of the classes
    known = [
        n
        for n, source in zip(read.training.names, read.training.sources, strict=True)
        if source == "walks"
    ]
    assert 0 < len(known) < 10
    assert len(read.training) + len(read.held_out) == 20
    assert not set(read.training.names) & set(read.held_out.names)
    assert set(read.held_out.sources) == {"walks"}


def test_photographs_that_are_missing_are_named(tmp_path, photographs):
    with pytest.raises(PictureError, match=r"lacks walks\.parquet"):
        read_photographs(tmp_path, GROUPS, CLASSES)
    pq.write_table(pa.table({"jpeg": [b""], "label": [0]}), photographs / "walks.parquet")
    with pytest.raises(PictureError, match="lacks the column 'class'"):
        read_photographs(photographs, GROUPS, CLASSES)


def test_the_rules_of_the_pictures_are_kept(photographs):
    """What no training sees is decided by a picture's own bytes, so it never moves."""
    again = read_photographs(photographs, GROUPS, CLASSES)
    once = read_photographs(photographs, GROUPS, CLASSES)
    assert list(again.held_out.names) == list(once.held_out.names)
