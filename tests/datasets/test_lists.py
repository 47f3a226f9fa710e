"""Lists of paths and labels: CSV, TSV, JSON lines, as data sets have them."""

from __future__ import annotations

import pytest

from sk_viz.datasets.opening import open_dataset
from sk_viz.errors import PictureError


@pytest.fixture
def root(tmp_path, encoded_picture):
    (tmp_path / "images").mkdir()
    for n in range(3):
        (tmp_path / "images" / f"{n}.png").write_bytes(encoded_picture(n))
    return tmp_path


def read(path):
    dataset = open_dataset(path)
    entries = dataset.entries(about.ref for about in dataset.abouts())
    return [(entry.data.name, entry.about.label) for entry in entries]


EXPECTED = [("1.png", "dog"), ("0.png", "cat")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "path,label\nimages/1.png,dog\nimages/0.png,cat\n"),
        ("a.csv", "label;file_name\ndog;images/1.png\ncat;images/0.png\n"),
        ("a.csv", "images/1.png,dog\nimages/0.png,cat\n"),
        ("a.csv", "\ufeffid,breed\n1,dog\n0,cat\n"),
        ("a.csv", '"path","label"\n"images/1.png","dog"\n"images/0.png","cat"\n'),
        ("a.tsv", "image\tclass\nimages/1.png\tdog\nimages/0.png\tcat\n"),
        ("a.txt", "images/1.png dog\nimages/0.png cat\n"),
        (
            "a.jsonl",
            '{"file_name": "images/1.png", "label": "dog"}\n'
            '{"file_name": "images/0.png", "label": "cat"}\n',
        ),
    ],
)  # fmt: skip
def test_lists(root, name, text):
    (root / name).write_text(text, encoding="utf-8")
    assert read(root / name) == EXPECTED


def test_absolute_paths_of_a_list_that_was_given_by_name(root, tmp_path_factory):
    place = tmp_path_factory.mktemp("lists") / "a.csv"
    place.write_text(f"path,label\n{root}/images/1.png,dog\n{root}/images/0.png,cat\n")
    assert read(place) == EXPECTED


def test_a_list_in_a_folder_labels_its_pictures_and_the_others_are_counted(root):
    (root / "metadata.csv").write_text("file_name,label\nimages/1.png,dog\nimages/0.png,cat\n")
    dataset = open_dataset(root)
    assert dataset.kind == "list"
    assert read(root) == EXPECTED
    assert dataset.left_out.counts == {"not in the list": 1, "not a picture": 1}


def test_a_list_in_a_folder_leads_nowhere_else(root, encoded_picture):
    (root.parent / "secret.png").write_bytes(encoded_picture(9))
    (root / "metadata.csv").write_text("file_name,label\nimages/1.png,dog\n../secret.png,cat\n")
    assert read(root) == EXPECTED[:1]


def test_a_table_of_numbers_is_no_list(root):
    (root / "results.csv").write_text("epoch,loss\n1,0.5\n2,0.3\n")
    dataset = open_dataset(root)
    assert dataset.kind == "folder"
    assert dataset.left_out.counts == {"not a picture": 1}
    with pytest.raises(PictureError, match="names no picture that is there"):
        open_dataset(root / "results.csv")


def test_a_row_without_a_file_is_named_when_it_is_read(root):
    (root / "a.csv").write_text("path,label\nimages/1.png,dog\nimages/9.png,cat\n")
    dataset = open_dataset(root / "a.csv")
    assert [about.name for about in dataset.abouts()] == ["images/1.png", "images/9.png"]
