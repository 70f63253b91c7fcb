"""What Keras tells of a training, as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd


def history_table(history: Any) -> pd.DataFrame:
    """Return a row an epoch of a ``keras.callbacks.History``; "val_" is spelt "validation_"."""
    return pd.DataFrame(history.history).rename(
        columns=lambda name: name.replace("val_", "validation_")
    )
