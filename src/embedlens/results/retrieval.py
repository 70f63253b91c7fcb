"""What is found where a picture is the query: recall at 1, 5 and 10, mean average precision."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from embedlens.metrics.proportion import Interval, proportion_interval
from embedlens.metrics.retrieval import mean_interval
from embedlens.results.results import Results, rows_by_backbone
from embedlens.results.units import units_of
from embedlens.results.vocabulary import RECALL_AT


@dataclass(frozen=True)
class Retrieval:
    """What test pictures find among the others, in the features of a backbone.

    Attributes
    ----------
    backbone : str
        Its name.
    queries : int
        How many different test pictures were asked for.
    recall : dict of int to Interval
        By k, the share of queries with a picture of their class among the k nearest.
    average_precision : Interval
        Mean over queries.
    """

    backbone: str
    queries: int
    recall: dict[int, Interval]
    average_precision: Interval

    def words(self) -> str:
        """Say how often search finds the class, and how well all of it is in front."""
        nearest, mean = self.recall[1], self.average_precision
        others = ", ".join(
            f"of {k} one for {each.estimate:.1%}" for k, each in self.recall.items() if k > 1
        )
        return (
            f"Searched with {self.backbone}, the nearest picture is of the same class for "
            f"{nearest.estimate:.1%} of new pictures ({nearest.low:.1%} to {nearest.high:.1%}; "
            f"{others}); mean average precision is {mean.estimate:.3f} ({mean.low:.3f} to "
            f"{mean.high:.3f})."
        )

    def record(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
        return {
            "backbone": self.backbone,
            "queries": self.queries,
            "recall": {str(k): asdict(each) for k, each in self.recall.items()},
            "mean_average_precision": asdict(self.average_precision),
        }


def judge_retrieval(results: Results) -> tuple[Retrieval, ...]:
    """Say what test pictures find, of all splits together; a picture in several splits is one.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    tuple of Retrieval
        In the order of the study; empty for a study of an earlier version.
    """
    rows = rows_by_backbone(results, results.retrievals)
    return tuple(_of(results, name, own) for name, own in rows.items())


def _of(results: Results, backbone: str, rows: pd.DataFrame) -> Retrieval:
    first, units = rows["first"], units_of(results.pictures)[rows["picture"]]
    recall = {}
    for k in RECALL_AT:
        hits = first.between(1, k).astype(float).groupby(units).agg(["sum", "size"])
        recall[k] = proportion_interval(hits["sum"], hits["size"])
    precision = rows["average_precision"].groupby(units).agg(["sum", "size"])
    mean = mean_interval(precision["sum"].clip(upper=precision["size"]), precision["size"])
    return Retrieval(backbone, int(rows["picture"].nunique()), recall, mean)


def retrieval_sentence(results: Results, backbone: str) -> str:
    """Say what search with a backbone finds; empty where it was not measured."""
    found = {each.backbone: each for each in judge_retrieval(results)}
    return found[backbone].words() if backbone in found else ""
