"""Which held-out pictures a head gets wrong."""

from __future__ import annotations

from dataclasses import dataclass

from embedlens.results import Results


@dataclass(frozen=True)
class Mistake:
    """A picture, its class, what the head said, and the probability it gave that."""

    row: int
    path: str
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Mistakes:
    """The mistakes of one head on one backbone in the first repeat, the surest first.

    Attributes
    ----------
    backbone, head : str
        Whose.
    tested : int
        How many pictures it was shown.
    wrong : tuple of Mistake
        Those it got wrong.
    """

    backbone: str
    head: str
    tested: int
    wrong: tuple[Mistake, ...]


def find_mistakes(results: Results, backbone: str, head: str) -> Mistakes:
    """Compare a head's predictions in the first repeat with the classes."""
    rows = results.predictions.query(
        "backbone == @backbone and head == @head and stage == 'pretrained' and repeat == 0"
    )
    labels = results.pictures["label"].to_numpy()[rows["picture"]]
    wrong = rows.assign(label=labels)[rows["predicted"].to_numpy() != labels]
    wrong = wrong.sort_values(["confidence", "picture"], ascending=[False, True])
    paths = results.pictures["path"]
    found = [
        Mistake(
            int(row.picture), str(paths[row.picture]), str(row.label), str(row.predicted),
            float(row.confidence),
        )
        for row in wrong.itertuples()
    ]  # fmt: skip
    return Mistakes(backbone, head, len(rows), tuple(found))
