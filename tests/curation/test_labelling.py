"""The table of proposals is read as the pictures were: as classes, or as sets of labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.curation import propose_label_sets
from embedlens.images import ImageSet, MultilabelSet
from embedlens.images.label_sets import SETS, UNANSWERED
from embedlens.images.listing import Entry
from embedlens.images.location import Location
from embedlens.images.source import FolderSource


def proposed(folder, cells):
    """Propose pictures of these cells, "" where nobody has answered, and write the table."""
    rng = np.random.default_rng(0)
    for place in range(len(cells)):
        pixels = rng.integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
    entries = [Entry(f"{place}.png", cell) for place, cell in enumerate(cells)]
    images = ImageSet.of_partly_labelled(Location(folder, FolderSource(folder), entries, []))
    features = rng.normal(size=(len(cells), 3)).astype(np.float32)
    return propose_label_sets([images], [features], 2, separator=";").write(folder)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (["cat", ";", "dog", ";", "", ""], SETS),
        (["cat", "dog", "cat", "dog", "", ""], SETS),
        (["cat", ";", "cat", ";", "", ""], SETS),
        (["cat;dog", ";", "dog", "cat", "", ""], "labels"),
    ],
)
def test_sets_are_read_as_sets_again_though_no_picture_has_two_labels(tmp_path, cells, column):
    path = proposed(tmp_path, cells)
    frame = pd.read_csv(path, keep_default_na=False)
    assert (frame[column] == UNANSWERED).sum() == 2
    answered = frame.replace({column: {UNANSWERED: ""}})  # none of the labels applies
    answered.to_csv(path, index=False)
    found = MultilabelSet.read(path)
    told = {
        str(name): {label for label, has in zip(found.names, row, strict=True) if has}
        for name, row in zip(found.images.paths, found.members, strict=True)
    }
    assert told == {f"{place}.png": set(cell.split(";")) - {""} for place, cell in enumerate(cells)}
