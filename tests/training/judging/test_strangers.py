import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import rankdata

from sk_viz.errors import PictureError
from sk_viz.measures.certainty import known_score, likely_none
from sk_viz.pictures import read_picture
from sk_viz.training.judging.strangers import (
    choose_rule,
    made_pictures,
    noticed_by_kind,
    read_strangers,
    separation,
)


def test_the_area_is_that_of_mann_and_whitney_with_ties():
    rng = np.random.default_rng(0)
    known, others = rng.integers(0, 9, 70), rng.integers(-2, 7, 40)
    found = separation(known, others)
    by_pairs = (known[:, None] > others).mean() + (known[:, None] == others).mean() / 2
    u = rankdata(np.concatenate([known, others]))[:70].sum() - 70 * 71 / 2
    assert found.auroc == pytest.approx(by_pairs) == pytest.approx(u / (70 * 40))
    assert found.interval[0] < found.auroc < found.interval[1]


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Two normal distributions one deviation apart: the area is Phi(1 / sqrt(2)) = 0.7602."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        low, high = separation(rng.normal(1, 1, 60), rng.normal(0, 1, 50)).interval
        hits += low <= 0.76025 <= high
    assert 0.91 <= hits / 300 <= 0.985


def drawn_logits(peak, count, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (count, 10)).astype(np.float32)
    logits[np.arange(count), rng.integers(0, 10, count)] += peak
    return logits


def test_a_rule_keeps_what_it_says_and_is_measured_on_others_than_it_was_chosen_on():
    known, others = drawn_logits(8, 400, 0), drawn_logits(0, 200, 1)
    rule, scores = choose_rule(known, others)
    assert 0.93 <= 1 - likely_none(rule, known).mean() <= 0.94
    assert rule.kept.n == 400
    assert 0.9 < rule.kept.share < 0.99
    assert rule.noticed.n == 100
    assert rule.noticed.share == likely_none(rule, others[1::2]).mean() > 0.9
    assert rule.proven
    best = max(scores, key=lambda score: scores[score]["chosen_on"]["auroc"])
    assert rule.score == best
    again = separation(known_score(best, known), known_score(best, others[1::2]))
    assert scores[best]["measured_on"]["auroc"] == again.auroc


def test_a_rule_that_cannot_tell_is_not_proven():
    rule, _ = choose_rule(drawn_logits(3, 400, 0), drawn_logits(3, 300, 2))
    assert not rule.proven


def test_made_pictures_are_what_they_are_called_and_the_same_each_time():
    made = made_pictures()
    assert list(made.encoded) == list(made_pictures().encoded)
    assert len(made) == 200
    names = [name.removeprefix("made, an easy case: ") for name in made.classes]
    assert names == ["noise", "clouds", "plain colour", "stripes"]
    colours = [
        len(np.unique(read_picture(made.encoded[i]).pixels.reshape(-1, 3), axis=0))
        for i in (0, 50, 100, 150)
    ]
    assert colours[0] > 5000
    assert colours[1] > 1000
    assert colours[2:] == [1, 2]


def test_each_kind_is_counted_by_itself():
    made = made_pictures()
    logits = drawn_logits(8, 200, 0)
    logits[made.labels == 2] = 0  # the plain colours
    rule, _ = choose_rule(drawn_logits(8, 400, 1), drawn_logits(0, 200, 1))
    shares = [row["share"] for row in noticed_by_kind(rule, logits, made)]
    assert shares[2] == 1
    assert max(shares[:2] + shares[3:]) < 0.2


def test_the_readme_of_the_folder_is_quoted(folder, tmp_path):
    assert read_strangers(folder).about == ""
    (tmp_path / "things").symlink_to(folder / "blue things")
    (tmp_path / "README.md").write_text("Some things,\nfrom somewhere.\n")
    found = read_strangers(tmp_path)
    assert found.about == "Some things, from somewhere."
    assert len(found.pictures) == 24
    with pytest.raises(PictureError, match="There is no folder or file"):
        read_strangers(tmp_path / "nowhere")


def test_photographs_labelled_none_are_strangers_by_kind(tmp_path):
    made = made_pictures().subset(np.arange(45, 55))
    rows = {
        "jpeg": list(made.encoded),
        "label": [-1] * 10,
        "class": [made.classes[label] for label in made.labels],
        "name": list(made.names),
    }
    pq.write_table(pa.table(rows), tmp_path / "photos.parquet")
    found = read_strangers(tmp_path).pictures
    assert list(found.classes) == ["made, an easy case: noise", "made, an easy case: clouds"]
    assert found.labels.tolist() == [0] * 5 + [1] * 5
    assert list(found.encoded) == list(made.encoded)
