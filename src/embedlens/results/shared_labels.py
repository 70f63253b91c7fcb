"""What is found where a picture is the query and those match that share a label."""

from __future__ import annotations

from embedlens.results.results import Results
from embedlens.results.retrieval import judge_retrieval


def shared_label_sentence(results: Results, backbone: str) -> str:
    """Say what search with a backbone finds; empty where it was not measured."""
    found = {each.backbone: each for each in judge_retrieval(results)}
    if backbone not in found:
        return ""
    recall, mean = found[backbone].recall, found[backbone].average_precision
    nearest = recall[1]
    others = ", ".join(f"one of {k} for {each.estimate:.1%}" for k, each in recall.items() if k > 1)
    return (
        f"Searched with {backbone}, the nearest picture shares a label for {nearest.estimate:.1%} "
        f"of new pictures that have one ({nearest.low:.1%} to {nearest.high:.1%}; {others}); where "
        "all that share a label match, mean average precision is "
        f"{mean.estimate:.3f} ({mean.low:.3f} to {mean.high:.3f})."
    )
