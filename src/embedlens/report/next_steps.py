"""What to do after a study: commands that can be copied."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from embedlens.report.sections.material import Material


@dataclass(frozen=True)
class Step:
    """What a command does, and the command."""

    what: str
    command: str


def place(material: Material) -> str:
    """Return the command that goes to where the others are to be typed."""
    return f"cd {shlex.quote(str(material.folder.path.resolve().parent))}"


def next_steps(material: Material) -> list[Step]:
    """Return what can be done with a study, with its name in each command.

    They are typed in the folder that holds the study.
    """
    study = shlex.quote(material.folder.path.resolve().name)
    steps = [("Look at it in 3-D", f"view {study}")]
    if material.verdict.take.pretrained and not material.verdict.coverage.says_nothing:
        steps += [
            ("Classify new pictures", f"predict {study} NEW_PICTURES"),
            ("Take the classifier elsewhere", f"export {study} --to onnx --out model"),
        ]
    steps.append(
        ("Choose what to label next", f"label {study} --unlabelled MORE_PICTURES --out to-label")
    )
    return [Step(what, f"embedlens {command}") for what, command in steps]
