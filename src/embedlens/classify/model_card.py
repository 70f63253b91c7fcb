"""What is to be known of an exported classifier, for those who did not make it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from embedlens.classify.classifier import Classifier
from embedlens.classify.label_classifier import ExpectedLabel, LabelClassifier

_RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}


def model_card(classifier: Classifier | LabelClassifier, to: str) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    classifier : Classifier or LabelClassifier
    to : {"onnx", "openvino"}
        What it was exported as.
    """
    words = (
        _of_labels(classifier)
        if isinstance(classifier, LabelClassifier)
        else _of_classes(classifier)
    )
    size = classifier.transform.size or (0, 0)
    expected = classifier.expected.sentence() if classifier.expected else "Nobody measured that."
    return "\n".join(
        [
            f"# {words.title}",
            "",
            f"Pictures are embedded by {_plain(classifier.backbone)} and {words.head}, trained on "
            f"{len(classifier.training.labels):,} pictures.",
            "",
            "## What to expect",
            "",
            expected,
            "That holds for pictures that come about as the training pictures did. Of others, of "
            "another camera, place or time, it says nothing.",
            *words.probabilities,
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
            *words.table,
            "",
        ]
    )


@dataclass(frozen=True)
class _Words:
    """What a card says of one kind of classifier.

    Attributes
    ----------
    title, head : str
        What it is, and how it answers.
    probabilities, table : list of str
        Lines on what its probabilities are worth, and on what it tells apart.
    """

    title: str
    head: str
    probabilities: list[str]
    table: list[str]


def _of_classes(classifier: Classifier) -> _Words:
    counts = Counter(classifier.training.labels)
    return _Words(
        f"A classifier of {len(classifier.classes)} classes",
        f"classified by {_HEADS[classifier.head.key]}",
        [
            f"Probabilities are calibrated (temperature {classifier.temperature:.3f}). Classes of "
            f"at least {classifier.threshold:.3f} make a set that holds the class of 90% of such "
            "pictures.",
            "The graph does not say what is unlike all classes: a picture of none of them gets one "
            "all the same. `embedlens predict` flags such pictures.",
        ],
        [
            "## Classes",
            "",
            "| class | training pictures |",
            "| --- | ---: |",
            *(f"| {_plain(name)} | {counts[name]:,} |" for name in classifier.classes),
        ],
    )


def _of_labels(classifier: LabelClassifier) -> _Words:
    known = classifier.expected.labels if classifier.expected else ()
    expected = {each.label: each for each in known}
    rows = [
        f"| {_plain(name)} | {count:,} | {_figures(expected.get(name))} |"
        for name, count in zip(classifier.labels, classifier.counts, strict=True)
    ]
    return _Words(
        f"A classifier of {len(classifier.labels)} labels, of which a picture may have several or "
        "none",
        "each label is told by a logistic regression of its own",
        [
            "Probabilities are calibrated, each label by itself: those of a picture do not sum to "
            f"1. `classify.py` names the labels of at least {classifier.rule}.",
            "The graph does not say what is unlike all training pictures: such a picture may get "
            "labels all the same. `embedlens predict` flags such pictures.",
        ],
        [
            "## Labels",
            "",
            "Average precision, its 95% interval and that of a guess are of the ranking by "
            "probability. Precision and recall are of the labels of at least "
            f"{classifier.rule}. All are of pictures that what answered had not seen.",
            "",
            "| label | training pictures | average precision | a guess | precision | recall |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *rows,
        ],
    )


def _figures(of: ExpectedLabel | None) -> str:
    if of is None:
        return "not judged | – | – | –"
    share = ["–" if each is None else f"{each:.3f}" for each in (of.precision, of.recall)]
    told = f"{of.average_precision:.3f} ({of.low:.3f} to {of.high:.3f})"
    return f"{told} | {of.share:.3f} | {share[0]} | {share[1]}"


_UNSAID = "not said by their publisher"
_HEADS = {
    "linear_probe": "a linear probe",
    "knn": "the votes of its nearest training pictures",
    "tuned": "a small network that was fine-tuned with its last layers",
}


def _plain(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
