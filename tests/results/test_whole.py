"""What a study of a sample keeps of all pictures."""

from __future__ import annotations

import pandas as pd
import pytest

from embedlens.results.folder import StudyFolder
from embedlens.results.whole import Whole, read_whole, write_whole

MEASURES = pd.DataFrame({"backbone": ["net"], "metric": ["pictures"], "value": [5e6]})
WHOLE = Whole("s3://bucket/photos", 5_000_000, 100_000, "s3://bucket/store", MEASURES)


def test_what_is_written_is_read(tmp_path):
    folder = StudyFolder(tmp_path)
    assert read_whole(folder) is None
    write_whole(folder, WHOLE)
    found = read_whole(folder)
    assert (found.place, found.pictures, found.sample, found.store) == (
        WHOLE.place, WHOLE.pictures, WHOLE.sample, WHOLE.store,
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.measures, MEASURES)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"place": "photos"}', b"\xff"])
def test_a_damaged_record_is_none(tmp_path, text):
    folder = StudyFolder(tmp_path)
    write_whole(folder, WHOLE)
    folder.whole.write_bytes(text)
    assert read_whole(folder) is None


def test_a_sample_that_is_all_is_called_no_sample():
    whole = Whole("photos", 300, 300, "out/cluster", MEASURES)
    assert whole.sentence() == "All figures are of all 300 pictures."
