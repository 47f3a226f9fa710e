import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sk_viz.datasets.labelled import labelled_coverage, read_labelled, split_validation
from sk_viz.errors import PictureError


def test_an_image_folder_gives_a_class_for_each_folder(folder):
    pictures = read_labelled(folder)
    assert list(pictures.classes) == ["blue things", "green things"]
    assert np.bincount(pictures.labels).tolist() == [24, 24]
    blue = pictures.decode(0)
    assert blue.shape == (40, 48, 3)
    assert blue[..., 2].mean() > blue[..., 0].mean() + 100  # RGB: blue is last


def test_the_split_follows_the_bytes_and_not_the_order(folder):
    pictures = read_labelled(folder)
    turned = pictures.subset(np.arange(len(pictures))[::-1])
    training, validation = split_validation(pictures, 0.3)
    again = split_validation(turned, 0.3)[1]
    assert set(validation.encoded) == set(again.encoded)
    assert not set(training.encoded) & set(validation.encoded)
    assert len(training) + len(validation) == len(pictures)
    assert 5 <= len(validation) <= 24


@pytest.fixture
def parquet(folder, tmp_path):
    pictures = read_labelled(folder)
    table = pa.table(
        {
            "jpeg": list(pictures.encoded),
            "label": pictures.labels + 1,
            "class": [pictures.classes[i] for i in pictures.labels],
        }
    )
    pq.write_table(table, tmp_path / "part-0.parquet")
    return tmp_path


def test_parquet_takes_its_names_from_the_table_or_from_labels_json(parquet, folder):
    for source in (parquet, parquet / "part-0.parquet"):
        pictures = read_labelled(source)
        assert list(pictures.classes) == ["", "blue things", "green things"]
        assert list(pictures.encoded) == list(read_labelled(folder).encoded)
    names = [{"label": i, "name": f"n{i}", "wnids": [f"w{i}"]} for i in range(3)]
    (parquet / "labels.json").write_text(json.dumps(names))
    pictures = read_labelled(parquet)
    assert list(pictures.classes) == ["n0", "n1", "n2"]
    assert list(pictures.wordnet_ids[2]) == ["w2"]


def test_boxes_are_those_of_the_table(parquet):
    assert set(read_labelled(parquet).boxes) == {None}
    file = parquet / "part-0.parquet"
    table = pq.read_table(file)
    boxes = [[1, 2, 30, 38], None, *([[0, 0, 9, 9]] * (len(table) - 2))]
    kind = pa.list_(pa.int16(), 4)
    pq.write_table(table.append_column("box", pa.array(boxes, kind)), file)
    pictures = read_labelled(parquet)
    assert pictures.boxes[:3] == [(1, 2, 30, 38), None, (0, 0, 9, 9)]
    assert pictures.subset(np.array([2, 0])).boxes == [(0, 0, 9, 9), (1, 2, 30, 38)]


def test_what_is_no_source_is_refused_in_a_sentence(tmp_path, parquet):
    with pytest.raises(PictureError, match="There is no folder or file"):
        read_labelled(tmp_path / "nowhere")
    pq.write_table(pa.table({"jpeg": [b"1"]}), parquet / "part-0.parquet")
    with pytest.raises(PictureError, match="can be read and has a label"):
        read_labelled(parquet)


def test_what_has_no_label_or_is_no_picture_is_counted(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "mine")
    (tmp_path / "mine" / "stray.png").write_bytes(read_labelled(folder).encoded[0])
    (tmp_path / "mine" / "blue things" / "note.png").write_bytes(b"a note")
    (tmp_path / "mine" / "blue things" / "empty.png").write_bytes(b"")
    pictures = read_labelled(tmp_path / "mine")
    assert len(pictures) == 48
    assert pictures.left_out.counts == {"not a picture": 1, "unreadable": 1, "no label": 1}
    coverage = labelled_coverage(tmp_path / "mine")  # by names alone, before anything is read
    assert coverage.sentence() == "51 found: 50 labelled, 1 no label."
