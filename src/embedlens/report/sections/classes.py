"""How well each class is named, and what it is taken for."""

from __future__ import annotations

from typing import Any

from embedlens.report.confusion_matrix import MAX_CLASSES, confusion_matrix, most_confused
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import judge_classes

_OPEN = 12  # classes that are shown before the rest is folded
# Up to how many classes the matrix has room in half of the width, and in three fifths of it.
_ROOM = {14: "beside", 26: "beside broad"}


class ClassesSection(Section):
    """Accuracy by class, and the confusion matrix with its names."""

    key = "classes"
    title = "How well, class by class?"
    link = "Classes"
    template = TEMPLATES / "classes.html"
    folded = False
    early = True

    def context(self, material: Material) -> dict[str, Any]:
        """Return the classes, named worst first, and the matrix of as many as have room."""
        verdict = material.verdict
        judged = judge_classes(material.results, material.best, verdict.head)
        counts = confusion_matrix(material.results, material.best, verdict.head)
        rows = []
        for each in judged.shares:
            others = sorted(
                (-int(count), str(name))
                for name, count in counts.loc[each.name].items()
                if count and name != each.name
            )
            rows.append((each, [(name, -count) for count, name in others[:2]]))
        shown = most_confused(material.results, verdict)
        return {
            "judged": judged,
            "open": rows[:_OPEN],
            "rest": rows[_OPEN:],
            "names": [str(name) for name in shown.index],
            "matrix": shown.to_numpy().tolist(),
            "totals": counts.sum(axis=1).loc[shown.index].tolist(),
            "layout": next((_ROOM[most] for most in _ROOM if len(shown) <= most), "stacked"),
            "room": MAX_CLASSES,
        }
