"""Scores that guess, without training, how well features will transfer to labelled pictures.

Higher is better for all of them. Each ranks backbones on one image set; its values mean nothing
across image sets. Which of them to believe: see ``docs/transferability.md``.
"""

from __future__ import annotations

from embedlens.metrics.transferability.bhattacharyya import gbc
from embedlens.metrics.transferability.hscore import h_score
from embedlens.metrics.transferability.logme import log_me
from embedlens.metrics.transferability.nleep import n_leep
from embedlens.metrics.transferability.source_labels import leep, nce
from embedlens.metrics.transferability.transrate import trans_rate

__all__ = ["gbc", "h_score", "leep", "log_me", "n_leep", "nce", "trans_rate"]
