"""The sections of the report, in the order of the page: those for the record come last."""

from __future__ import annotations

from embedlens.report.sections.accuracy import AccuracySection
from embedlens.report.sections.backbones import BackbonesSection
from embedlens.report.sections.calibration import CalibrationSection
from embedlens.report.sections.check import CheckSection
from embedlens.report.sections.classes import ClassesSection
from embedlens.report.sections.groups import GroupsSection
from embedlens.report.sections.labels import LabelsSection
from embedlens.report.sections.learning import LearningSection
from embedlens.report.sections.maps import MapsSection
from embedlens.report.sections.method import MethodSection
from embedlens.report.sections.misplaced import MisplacedSection
from embedlens.report.sections.mistakes import MistakesSection
from embedlens.report.sections.pictures import PicturesSection
from embedlens.report.sections.problems import ProblemsSection
from embedlens.report.sections.retrieval import RetrievalSection
from embedlens.report.sections.scores import ScoresSection
from embedlens.report.sections.section import Section
from embedlens.report.sections.settings import SettingsSection
from embedlens.report.sections.silhouettes import SilhouettesSection
from embedlens.report.sections.stills import StillsSection
from embedlens.report.sections.tuning import TuningSection
from embedlens.report.sections.verdict import VerdictSection
from embedlens.report.sections.whole import WholeSection

_SECTIONS: list[Section] = [
    VerdictSection(),
    WholeSection(),
    ClassesSection(),
    MistakesSection(),
    CheckSection(),
    MapsSection(),
    CalibrationSection(),
    LabelsSection(),
    PicturesSection(),
    AccuracySection(),
    RetrievalSection(),
    BackbonesSection(),
    GroupsSection(),
    LearningSection(),
    TuningSection(),
    ScoresSection(),
    StillsSection(),
    SilhouettesSection(),
    MisplacedSection(),
    ProblemsSection(),
    MethodSection(),
    SettingsSection(),
]


def list_sections() -> tuple[Section, ...]:
    """Return the sections, in the order of the page."""
    return tuple(_SECTIONS)


def register_section(section: Section, before: str = "method") -> None:
    """Add a section to every report, for this process.

    Parameters
    ----------
    section : Section
        One object.
    before : str, default "method"
        The key of the section that it comes before; by default that on how each number is
        computed, which ends what the page shows.

    Raises
    ------
    ValueError
        If there is a section of its key, or none of the key ``before``.

    Examples
    --------
    >>> register_section(Formats(), before="pictures")  # doctest: +SKIP
    """
    keys = [each.key for each in _SECTIONS]
    if section.key in keys:
        raise ValueError(f"There is a section {section.key!r} already; give yours another key.")
    if before not in keys:
        raise ValueError(f"There is no section {before!r} to come before; take {', '.join(keys)}.")
    _SECTIONS.insert(keys.index(before), section)
