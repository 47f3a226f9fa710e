"""The summary of a survey over its data set, from its stored parts."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pyarrow.compute as pc

from sk_viz.datasets.coverage import Coverage, Labels, UnknownLabel
from sk_viz.datasets.left_out import NAMED, OVER_LIMIT, UNREADABLE, LeftOut
from sk_viz.datasets.matching import ClassMatcher
from sk_viz.surveys.store import Store

NOT_YET = "not measured yet"


def survey_coverage(store: Store) -> Coverage:
    """The coverage of a survey, finished or not.

    Raises:
        PictureError: there is no survey, or nothing has been measured yet.
    """
    header = store.header()
    left_out = LeftOut.from_json(header.get("left_out", {"counts": {}, "named": []}))
    in_dataset, pictures = int(header["source_pictures"]), int(header["pictures"])
    found = in_dataset + left_out.total
    about = _about(store)
    for row in about[about["error"].notna()].itertuples():
        left_out.add(str(row.reason or UNREADABLE), str(row.name), str(row.error))
    left_out.add_many(OVER_LIMIT, in_dataset - pictures)
    left_out.add_many(NOT_YET, pictures - len(about))
    readable = about[about["error"].isna()]
    return Coverage(
        found=found,
        measured=len(readable),
        left_out=left_out,
        labels=_labels(readable, header["classes"]),
        copies=len(readable) - readable["sha256"].nunique(),
    )


def _about(store: Store) -> pd.DataFrame:
    """One row per picture that was looked at."""
    columns = ["position", "name", "sha256", "label", "class_index", "error", "reason"]
    record = store.header()["record"]
    table = store.table([*columns, "protocol", "scale"])
    first = pc.and_(
        pc.equal(table["protocol"], record["protocols"][0]),
        pc.equal(table["scale"], record["scales"][0]),
    )
    chosen = table.filter(pc.or_kleene(first, pc.is_valid(table["error"])))
    frame: pd.DataFrame = chosen.select(columns).to_pandas()
    return frame


def _labels(readable: pd.DataFrame, classes: list[str]) -> Labels:
    """What became of the labels, by the classes that the survey matched them to."""
    matcher = ClassMatcher(classes, [()] * len(classes), {})
    known, unknown, spelled = 0, [], {}
    labelled = readable[readable["label"].notna()]
    counts = Counter(labelled["label"])
    indices = labelled.drop_duplicates("label").set_index("label")["class_index"]
    for label, count in counts.most_common():
        index = indices[label]
        if pd.isna(index):
            unknown.append(UnknownLabel(label, count, matcher.nearest(label)))
            continue
        known += count
        match = matcher(label)
        how = match.how if match is not None and match.index == int(index) else "WordNet"
        if how != "name":
            spelled[label] = classes[int(index)], how
    stray = readable[readable["label"].isna()] if len(labelled) else readable.head(0)
    return Labels(
        unlabelled=len(readable) - len(labelled),
        known=known,
        unknown=tuple(unknown),
        unlabelled_names=tuple(stray["name"].head(NAMED)),
        spelled=spelled,
    )
