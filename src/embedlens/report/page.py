"""The report's page: the frame around its sections, in one HTML file that asks for no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from embedlens import __version__
from embedlens.report.sections.material import Material
from embedlens.report.sections.registered import list_sections
from embedlens.report.sections.section import Section
from embedlens.report.templating import environment
from embedlens.results.samples import sample_of_part

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

# Of a table, so that the page stays a few megabytes whatever the study.
MAX_ROWS = 200


@dataclass(frozen=True)
class _Filled:
    """A section with its template filled."""

    key: str
    title: str
    link: str
    body: Markup
    folded: bool


def render_page(material: Material) -> str:
    """Return the page as HTML, with the sections that apply to the study.

    Of a study that still runs, those that need the verdict alone.
    """
    return render_sections(
        material, [each for each in list_sections() if each.early or material.complete]
    )


def render_sections(material: Any, sections: Sequence[Section]) -> str:
    """Return the page of some sections, those that apply; `material` is what they draw from."""
    templates = environment()
    templates.globals["max_rows"] = MAX_ROWS
    applying = [
        section
        for section in sorted(sections, key=lambda section: section.folded)
        if section.applies(material)
    ]
    return templates.get_template("report.html").render(
        material=material,
        viewer=material.viewer,
        sections=[_fill(section, material, templates) for section in applying],
        version=__version__,
        today=date.today().isoformat(),
    )


def _fill(section: Section, material: Any, templates: Environment) -> _Filled:
    from markupsafe import Markup

    # Read here, not by Jinja's loader: a section's template may lie in another package.
    template = templates.from_string(section.template.read_text(encoding="utf-8"))
    body = Markup(template.render(material=material, **section.context(material)))
    if said := sample_of_part(material.results, section.key):
        body = Markup('<p class="note">{}</p>\n').format(said) + body
    return _Filled(section.key, section.title, section.link, body, section.folded)
