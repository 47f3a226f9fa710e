"""Tables as data sets have them: columns of many names and types, and names of labels."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import PictureError


@pytest.fixture
def write(tmp_path):
    def write(file="a.parquet", metadata=None, **columns):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(columns)
        if metadata:
            table = table.replace_schema_metadata(metadata)
        pq.write_table(table, path)
        return path

    return write


def labels(path):
    return [about.label for about in open_dataset(path).abouts()]


def data(path):
    dataset = open_dataset(path)
    return [entry.data for entry in dataset.entries(a.ref for a in dataset.abouts())]


@pytest.mark.parametrize(
    "label",
    [
        pa.array([0, 1, None]),
        pa.array([0.0, 1.0, None]),
        pa.array([0.0, 1.0, float("nan")]),
        pa.array(["0", "1", None]),
        pa.array(["0", "1", None]).dictionary_encode(),
        pa.array([b"0", b"1", b""]),
        pa.array(["0", " 1 ", ""]),
        pa.array([0, 1, -1]),
    ],
    ids=["int", "float", "nan", "text", "dictionary", "bytes", "spaces", "minus one"],
)
def test_labels_of_every_type(write, encoded_picture, label):
    path = write(image=[encoded_picture(n) for n in range(3)], label=label)
    assert labels(path) == ["0", "1", None]


@pytest.mark.parametrize("column", ["jpeg", "image", "img", "Picture", "png"])
@pytest.mark.parametrize("kind", ["bytes", "struct", "large"])
def test_pictures_under_every_name(write, encoded_picture, column, kind):
    pictures = [encoded_picture(n) for n in range(2)]
    if kind == "struct":
        values = pa.array([{"bytes": p, "path": f"{n}.png"} for n, p in enumerate(pictures)])
    else:
        values = pa.array(pictures, pa.large_binary() if kind == "large" else pa.binary())
    path = write(**{column: values, "label": pa.array(["a", "b"])})
    assert data(path) == pictures
    assert labels(path) == ["a", "b"]
    if kind == "struct":
        assert [about.name for about in open_dataset(path).abouts()] == ["0.png", "1.png"]


def test_text_and_null_classes(write, encoded_picture):
    jpeg = [encoded_picture(n) for n in range(2)]
    text = write("text.parquet", jpeg=jpeg, label=["cat", "dog"], **{"class": ["cat", "dog"]})
    assert labels(text) == ["cat", "dog"]
    null = write("null.parquet", jpeg=jpeg, label=[10, None], **{"class": ["panda", None]})
    assert labels(null) == ["panda", None]


def test_names_of_labels_in_the_features_of_the_file(write, encoded_picture):
    features = {
        "image": {"_type": "Image"},
        "kind": {"names": ["cat", "dog"], "_type": "ClassLabel"},
    }
    path = write(
        image=[encoded_picture(n) for n in range(3)],
        kind=pa.array([1, 0, -1]),
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    assert labels(path) == ["dog", "cat", None]
    assert open_dataset(path).class_names == ("cat", "dog")


def test_names_of_labels_in_the_card_of_the_data_set(write, tmp_path, encoded_picture):
    card = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': cat
          '1': dog
---
# Mine
"""
    (tmp_path / "README.md").write_text(card)
    for split in ("train", "validation"):
        write(
            f"data/{split}-00000-of-00001.parquet",
            image=pa.array([{"bytes": encoded_picture(1), "path": None}]),
            label=[1],
        )
    found = [(about.label, about.split) for about in open_dataset(tmp_path).abouts()]
    assert found == [("dog", "train"), ("dog", "validation")]


def test_a_folder_of_save_to_disk(tmp_path, encoded_picture):
    """An Arrow stream beside dataset_info.json, a folder for each split."""
    for split in ("train", "test"):
        folder = tmp_path / "saved" / split
        folder.mkdir(parents=True)
        table = pa.table(
            {
                "image": pa.array(
                    [{"bytes": encoded_picture(n), "path": f"{n}.png"} for n in range(3)]
                ),
                "label": pa.array([0, 1, 1]),
            }
        )
        with (
            pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file,
            pa.ipc.new_stream(file, table.schema) as stream,
        ):
            stream.write_table(table, max_chunksize=2)
        features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"]}}
        (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    dataset = open_dataset(tmp_path / "saved")
    abouts = list(dataset.abouts())
    assert [(a.label, a.split) for a in abouts] == [
        ("cat", "test"), ("dog", "test"), ("dog", "test"),
        ("cat", "train"), ("dog", "train"), ("dog", "train"),
    ]  # fmt: skip
    assert [a.name for a in abouts[:3]] == ["0.png", "1.png", "2.png"]
    chosen = [abouts[5].ref, abouts[1].ref, abouts[0].ref]
    assert [e.data for e in dataset.entries(chosen)] == [encoded_picture(n) for n in (2, 1, 0)]
    assert dataset.left_out.counts == {"not a picture": 2}


def test_paths_beside_the_file_are_read_and_others_named(write, tmp_path, encoded_picture):
    (tmp_path / "a.png").write_bytes(encoded_picture(1))
    (tmp_path.parent / "outside.png").write_bytes(encoded_picture(2))
    path = write(jpeg=["a.png", "b.png", "../outside.png"], label=[0, 1, 0])
    found = data(path)
    assert found[0] == tmp_path / "a.png"
    assert "There is no file 'b.png'" in str(found[1])
    assert isinstance(found[2], PictureError)
    structs = pa.array([{"bytes": None, "path": "a.png"}, {"bytes": None, "path": None}])
    found = data(write("s.parquet", image=structs, label=[0, 1]))
    assert found[0] == tmp_path / "a.png"
    assert "its cell is empty" in str(found[1])


def test_an_empty_table_is_one_sentence(write):
    path = write(jpeg=pa.array([], pa.binary()), label=pa.array([], pa.int64()))
    for place in (path, path.parent):
        with pytest.raises(PictureError, match="has no rows"):
            open_dataset(place)


def test_a_table_of_pictures_alone(write, encoded_picture):
    path = write(jpeg=[encoded_picture(n) for n in range(3)])
    assert labels(path) == [None] * 3
    assert data(path) == [encoded_picture(n) for n in range(3)]
