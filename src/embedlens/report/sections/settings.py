"""Settings, weights and versions."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section

_PACKAGES = (
    "embedlens", "keras", "jax", "openvino", "numpy", "scipy", "scikit-learn", "numba", "pandas",
    "pillow", "matplotlib",
)  # fmt: skip


class SettingsSection(Section):
    """What the study was run with, and what wrote the page."""

    key = "settings"
    title = "Settings, weights, versions"
    link = "Settings"
    template = TEMPLATES / "settings.html"

    def context(self, material: Material) -> dict[str, Any]:
        """Return the settings by name, and the versions of packages."""
        return {"settings": asdict(material.results.settings), "versions": _versions()}


def _versions() -> dict[str, str]:
    versions = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
