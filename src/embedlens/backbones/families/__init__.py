"""Families: where networks come from, and how one is named, built, fed and cut."""

from embedlens.backbones.families.family import Built, Family, Form

__all__ = ["Built", "Family", "Form"]
