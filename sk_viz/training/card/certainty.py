"""The card's part on how sure a model is, and on the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sk_viz.training.card.markdown import number, share, table
from sk_viz.training.judging.certain import EACH, PHOTOGRAPHS
from sk_viz.training.judging.strangers import KEPT

_FEW = 5
_SCORES = {
    "probability": "largest probability",
    "energy": "energy",
    "logit": "largest logit",
}


def calibration(found: Mapping[str, Any]) -> str:
    """Whether the probabilities come true."""
    before, after = found["before"], found["after"]
    rows = [("all", before, after)]
    rows += [(name, entry["before"], entry["after"]) for name, entry in found["sources"].items()]
    errors = table(
        ("pictures", "without the temperature", "with it"),
        [
            (
                name,
                number(was["error"], was["interval"]),
                number(now["error"], now["interval"]),
            )
            for name, was, now in rows
        ],
    )
    bins = table(
        ("probability of the answer", "right", "pictures"),
        [(f"{b['probability']:.2f}", f"{b['right']:.2f}", b["n"]) for b in after["bins"]],
    )
    return (
        f"The logits are divided by a temperature of {found['temperature']:.3f}, which makes the "
        f"answers of these {found['n']:,} pictures likeliest. It is in the weights of the last "
        "layer, so the plain softmax of the logits is the calibrated probability, and no other "
        "one is shown anywhere. It changes no answer. Expected calibration error over ten bins, "
        "with its 95 % bootstrap interval; with the temperature, half of the pictures are "
        f"measured with that of the other half:\n\n{errors}\n\n"
        f"With the temperature, over all pictures:\n\n{bins}"
    )


def unknown(found: Mapping[str, Any] | None) -> str:
    """Whether it notices pictures of none of its classes."""
    if found is None:
        return (
            "No pictures of other things were at hand, so it was not measured whether it notices "
            "them, and the app never says so."
        )
    rule = found["rule"]
    known = {
        "all": "all known pictures",
        PHOTOGRAPHS: f"the held-out photographs, at most {EACH} of a class",
    }.get(found["known"], f"those of {found['known']}")
    about = f" {found['about']}" if found["about"] else ""
    scores = table(
        ("score", "AUROC, on the half that chose", "on the other half"),
        [
            (
                _SCORES[name],
                number(entry["chosen_on"]["auroc"], entry["chosen_on"]["interval"]),
                number(entry["measured_on"]["auroc"], entry["measured_on"]["interval"]),
            )
            for name, entry in found["scores"].items()
        ],
    )
    listed = [entry for entry in found["kinds"] if entry["n"] >= _FEW]
    if few := len(found["kinds"]) - len(listed):
        about += f" {few} kinds of fewer than {_FEW} pictures each are not listed below."
    kinds = table(
        ("kind of picture", "taken for unknown", "pictures"),
        [(e["kind"], share(e), e["n"]) for e in [*listed, *found["made"]]],
    )
    kept = ", ".join(f"{share(entry)} of {name}" for name, entry in found["kept"].items())
    said = (
        "So the app says where a picture is likely of none of its classes."
        if rule["proven"]
        else "That is not more than the share of known pictures which is taken for unknown as "
        "well, beyond chance: these answers can't tell, and the app says nothing of it."
    )
    return (
        "How it is decided: a picture whose score is below a threshold is taken for unknown. The "
        "score is the one that best tells known pictures from others on half of the others; "
        "everything else that is said of it is measured on the other half.\n\n"
        f"{scores}\n\n"
        "AUROC: the chance that a known picture scores above another one, 0.5 is guessing; with "
        f"DeLong's 95 % interval. The known pictures here are {known}. Chosen: "
        f"{_SCORES[rule['score']]}. The threshold keeps {KEPT:.0%} of these known pictures; with "
        f"the threshold of the other half of them, {share(rule['kept'])} are kept. Of "
        f"{rule['noticed']['n']} pictures of other things it notices "
        f"{share(rule['noticed'])}. {said}\n\n"
        f"With this threshold {kept} are kept.\n\n"
        f"The other things, {found['pictures']} pictures in all:{about} What this project made "
        "itself, noise and plain patterns, says little about photographs and was not used for "
        f"the choice.\n\n{kinds}\n\n"
        "All of it at scale 1.0: an object that is shown smaller or larger is taken for unknown "
        "more often."
    )


def samples(rows: Sequence[Mapping[str, Any]]) -> str:
    """The answer for each sample."""
    labelled = [row for row in rows if row["label"] is not None]
    by_kind = {
        kind: [row["right"] for row in labelled if row["kind"] == kind]
        for kind in dict.fromkeys(row["kind"] for row in labelled)
    }
    counted = ", ".join(f"{sum(right)} of {len(right)} {kind}s" for kind, right in by_kind.items())
    body = table(
        ("sample", "shown as", "right answer", "its answer", "probability", ""),
        [
            (
                row["title"],
                "object on grey" if row["kind"] == "cutout" else "zoom 1.0",
                row["label"] or "none of its classes",
                row["answer"],
                f"{row['probability']:.0%}",
                _verdict(row),
            )
            for row in rows
        ],
    )
    return (
        f"Of those whose class it has it recognises {counted}, at scale 1. Most were chosen "
        "among more pictures because the bundled model recognises them (`assets/LICENSES.md`), so "
        f"they say nothing of how often a model is right.\n\n{body}"
    )


def _verdict(row: Mapping[str, Any]) -> str:
    right = {None: "", True: "right", False: "wrong"}[row["right"]]
    return ", ".join(filter(None, [right, "taken for unknown" if row["unknown"] else ""]))
