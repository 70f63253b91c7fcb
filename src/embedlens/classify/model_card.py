"""What is to be known of an exported classifier, for those who did not make it."""

from __future__ import annotations

from collections import Counter

from embedlens.classify.classifier import Classifier

_RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}


def model_card(classifier: Classifier, to: str) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    classifier : Classifier
    to : {"onnx", "openvino"}
        What it was exported as.
    """
    counts = Counter(classifier.training.labels)
    size = classifier.transform.size or (0, 0)
    expected = classifier.expected.sentence() if classifier.expected else "Nobody measured that."
    rows = [f"| {_plain(name)} | {counts[name]:,} |" for name in classifier.classes]
    return "\n".join(
        [
            f"# A classifier of {len(classifier.classes)} classes",
            "",
            f"Pictures are embedded by {_plain(classifier.backbone)} and classified by "
            f"{_HEADS[classifier.head.key]}, trained on {sum(counts.values()):,} pictures.",
            "",
            "## What to expect",
            "",
            expected,
            "That holds for pictures that come about as the training pictures did. Of others, of "
            "another camera, place or time, it says nothing.",
            f"Probabilities are calibrated (temperature {classifier.temperature:.3f}). Classes of "
            f"at least {classifier.threshold:.3f} make a set that holds the class of 90% of such "
            "pictures.",
            "The graph does not say what is unlike all classes: a picture of none of them gets one "
            "all the same. `embedlens predict` flags such pictures.",
            "",
            "## Use",
            "",
            f"`pip install {_RUNTIMES[to]} numpy pillow`, then `python classify.py PICTURE...`.",
            "",
            f"The graph takes pixels, uint8 (1, {size[0]}, {size[1]}, 3), RGB, and gives "
            "`probabilities` and `features` in float32; it is not quantised. Pictures are "
            f"{classifier.transform.describe()}; the scaling is in the graph.",
            "",
            "## Licence",
            "",
            f"The weights of the network: {_plain(classifier.licence or _UNSAID)}. The head was "
            "learned from your pictures.",
            "",
            "## Classes",
            "",
            "| class | training pictures |",
            "| --- | ---: |",
            *rows,
            "",
        ]
    )


_UNSAID = "not said by their publisher"
_HEADS = {
    "linear_probe": "a linear probe",
    "knn": "the votes of its nearest training pictures",
    "tuned": "a small network that was fine-tuned with its last layers",
}


def _plain(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
