"""Backbones whose weights a user gave, where their names might be read as weights' own."""

from __future__ import annotations

from pathlib import Path

from embedlens.results.results import Results


def given_weights_sentence(results: Results) -> str:
    """Say which backbones have weights from a file that was given; empty where none has.

    A backbone is called ``Xception`` or ``timm:resnet18.a1_in1k`` whatever its weights are.

    Parameters
    ----------
    results : Results
        Of a study.
    """
    given = {
        title: Path(origin.removeprefix("file ")).name
        for title, origin in results.backbones[["backbone", "weights"]].itertuples(index=False)
        if origin.startswith("file ") and results.settings.weights_of_title(title) is not None
    }
    told = ", ".join(f"{title} from {file}" for title, file in given.items())
    return f"Weights that were given: {told}." if told else ""
