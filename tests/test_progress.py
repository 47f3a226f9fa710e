from __future__ import annotations

from sk_viz.progress import ProgressBar


def test_the_bar_tells_how_much_is_done_and_begins_again(capsys):
    bar = ProgressBar("sweep")
    for done in range(1, 4):
        bar(done, 3)
    shown = capsys.readouterr().err
    assert "sweep" in shown
    assert "3/3" in shown
    bar(1, 5)
    bar(5, 5)
    assert "5/5" in capsys.readouterr().err


def test_the_total_may_become_known_on_the_way(capsys):
    bar = ProgressBar()
    bar(1, 10)
    bar(12, 12)
    assert "12/12" in capsys.readouterr().err
