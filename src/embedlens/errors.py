"""The errors that are a user's to mend.

The command line prints them as one sentence and exits with code 2; every other exception is a bug.
"""

from __future__ import annotations


class EmbedlensError(Exception):
    """Base of all errors that the user can mend; the message says what is wrong and what to do."""


class ImageSetError(EmbedlensError):
    """The pictures cannot be read as an image set."""


class BackboneError(EmbedlensError):
    """A backbone's name, model file or layer is wrong."""


class WeightsError(BackboneError):
    """A backbone's weights are absent, or are another network's."""


class ConversionError(BackboneError):
    """A network cannot become the graph that an engine runs."""


class StudyError(EmbedlensError):
    """A study folder or its settings cannot be used."""
