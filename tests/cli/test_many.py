import json

import pytest

from sk_viz.cli import run


def test_a_survey_its_report_and_its_figure(model, folder, tmp_path, capsys):
    out = str(tmp_path / "survey")
    words = ["survey", str(folder), "--out", out, "--model", model, "--scales", "1,2"]
    assert run(words) == 0
    assert "6 measured now" in capsys.readouterr().out
    assert run(words) == 0
    assert "0 measured now" in capsys.readouterr().out
    assert run(["report", out, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["readable"] == 6
    assert {change["unit"] for change in report["changes"]} == {"SK_2_1", "SK_3_1"}
    assert run(["report", out]) == 0
    assert "SK_3_1" in capsys.readouterr().out
    assert run([*words[:-1], "1,3"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_an_effect_without_an_interval_is_a_dash(folder, tmp_path, capsys):
    """Two copies of one picture change alike, so that their spread is one of rounding alone."""
    two = tmp_path / "two"
    two.mkdir()
    for name in ("0.png", "1.png"):
        (two / name).write_bytes((folder / "0.png").read_bytes())
    out = str(tmp_path / "survey")
    assert run(["survey", str(two), "--out", out, "--scales", "1,2"]) == 0
    assert run(["report", out, "--json"]) == 0
    text = capsys.readouterr().out
    changes = json.loads(text[text.index("{") :])["changes"]
    assert all(change["d_interval"] is None for change in changes)
    assert run(["report", out]) == 0
    assert " - " in capsys.readouterr().out


def test_a_figure_can_be_made_again_from_its_file(model, picture, tmp_path, capsys):
    file = tmp_path / "map.svg"
    words = ["figure", "heatmap", picture, "--out", str(file), "--model", model, "--scales", "1,2"]
    assert run(words) == 0
    assert "Again: sk-viz figure heatmap" in capsys.readouterr().out
    copy = tmp_path / "again" / "map.svg"
    copy.parent.mkdir()
    assert run(["figure", "--again", str(file), "--out", str(copy)]) == 0
    assert copy.read_bytes() == file.read_bytes()


def test_a_film_is_written(model, picture, tmp_path):
    film = tmp_path / "film.gif"
    words = ["figure", "film", picture, "--out", str(film), "--model", model, "--scales", "1,2"]
    assert run(words) == 0
    assert film.read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["survey", "nowhere", "--out", "{out}", "--model", "{model}"], "nowhere"),
        (["survey", "{folder}", "--out", "{out}", "--model", "{model}", "--engine", "x"], "'x'"),
        (["report", "{folder}"], "no survey"),
        (["figure", "heatmap"], "--out FILE"),
        (["figure", "pie", "{picture}", "--out", "a.pdf", "--model", "{model}"], "pie"),
        (["figure", "heatmap", "{picture}", "--out", "a.doc", "--model", "{model}"], ".pdf"),
        (["figure", "--again", "{picture}"], "not a figure"),
    ],
)
def test_wrong_input_is_one_sentence(words, said, model, folder, picture, tmp_path, capsys):
    names = {"model": model, "folder": folder, "picture": picture, "out": tmp_path / "out"}
    assert run([word.format(**names) for word in words]) == 2
    streams = capsys.readouterr()
    assert said in streams.err
    assert len(streams.err.strip().splitlines()) == 1


def test_worth_holds_the_weights_and_says_what_is_lost(model, folder, tmp_path, capsys):
    for number, file in enumerate(sorted(folder.iterdir())):
        place = tmp_path / f"thing {number % 2}"
        place.mkdir(exist_ok=True)
        (place / file.name).write_bytes(file.read_bytes())
    assert run(["worth", str(tmp_path), "--model", model, "--scales", "1,2", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    rows = {(row["scale"], row["weights"]): row for row in made["accuracy"]}
    assert len(rows) == 6
    assert rows[1, "held at 1.0x"]["accuracy"] == rows[1, "live"]["accuracy"]
    for row in rows.values():
        live = rows[row["scale"], "live"]["accuracy"]
        assert row["loss"] is None or row["loss"] == pytest.approx(live - row["accuracy"])
    (tmp_path / "thing 0" / "broken.png").write_bytes(b"no picture")
    assert run(["worth", str(tmp_path), "--model", model, "--scales", "1,2", "--json"]) == 0
    streams = capsys.readouterr()
    again = json.loads(streams.out)
    assert (made["unreadable"], again["unreadable"]) == (0, 1)
    assert again["accuracy"] == made["accuracy"]  # the broken one is passed over in both passes
    assert streams.err.count("broken.png") == 1
    assert run(["worth", str(tmp_path), "--model", model, "--scales", "1,2"]) == 0
    said = capsys.readouterr().out
    assert "held at mean" in said
    assert "1 not a picture" in said
    for file in tmp_path.rglob("*.*"):
        file.write_bytes(b"no picture")
    assert run(["worth", str(tmp_path), "--model", model, "--scales", "1,2"]) == 2
    assert "None of the pictures can be read" in capsys.readouterr().err
