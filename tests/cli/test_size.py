import json

from sk_viz.cli import run


def test_size_prints_its_tables_as_json(model, picture, capsys):
    words = ["size", picture, "--model", model, "--scale", "1.5", "--controls", "blur,tile"]
    assert run([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"record", "table", "noise", "null", "settled"}
    assert [row["control"] for row in printed["table"]] == ["blur", "tile"] * 2
    assert printed["record"]["scales"] == [1.0, 1.5]
    assert run(words) == 0
    assert "Settled" in capsys.readouterr().out


def test_size_refuses_in_one_line(model, picture, capsys):
    assert run(["size", picture, "--model", model, "--scale", "0.5"]) == 2
    assert run(["size", picture, "--model", model, "--controls", "mirror"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "above 1" in lines[0]
    assert "mirror" in lines[1]
