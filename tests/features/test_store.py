"""The store: what is written stays, whatever happens, and nothing else is ever read."""

from __future__ import annotations

import errno
import resource
import signal
import sys

import numpy as np
import pytest

from embedlens.features import store as store_module
from embedlens.features.store import FeatureStore

FEATURES = 5


def row_of(content: str) -> np.ndarray:
    """The features of a picture: any numbers that its content decides."""
    return np.random.default_rng(list(content.encode())).standard_normal(FEATURES, np.float32)


class Run:
    """A run as `embed` makes one; ``computed`` are the contents that it had to embed."""

    def __init__(self, folder, ids, key="key") -> None:
        self.store = FeatureStore(folder, key, ids)
        self.ids = ids
        self.computed: list[str] = []

    def __call__(self, stop_after: int | None = None):
        found = self.store.load()
        if found is None:
            writer = self.store.writer(FEATURES)
            try:
                for count, row in enumerate(writer.missing):
                    if count == stop_after:
                        return None
                    self.computed.append(self.ids[row])
                    writer.write(row, row_of(self.ids[row]))
            finally:
                writer.close()
            found = self.store.finish({"seconds": 1.0})
        return found


@pytest.fixture
def start(tmp_path):
    """Starts a run on the test's store: `start(ids)`."""
    return lambda ids, key="key": Run(tmp_path / "net", list(ids), key)


def expected(ids) -> np.ndarray:
    return np.stack([row_of(each) for each in ids])


def test_what_is_written_is_read_and_is_numpy_s_own_format(start, tmp_path):
    values, record = start("abc")()
    np.testing.assert_array_equal(values, expected("abc"))
    assert values.dtype == np.float32
    assert record["seconds"] == 1.0
    np.testing.assert_array_equal(np.load(tmp_path / "net" / "features.npy"), expected("abc"))
    names = sorted(path.name for path in (tmp_path / "net").iterdir())
    assert names == ["features.npy", "ids.txt", "meta.json"]


def test_what_is_read_cannot_be_written_to(start):
    values, _ = start("abc")()
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 0


def test_a_finished_store_is_not_computed_again(start):
    start("abc")()
    again = start("abc")
    again()
    assert again.computed == []


def test_a_run_that_stopped_goes_on_where_it_was(start):
    first, second = start("abcdef"), start("abcdef")
    assert first(stop_after=4) is None
    values, _ = second()
    assert first.computed == list("abcd")
    assert second.computed == list("ef")
    np.testing.assert_array_equal(values, expected("abcdef"))


def test_an_unfinished_store_is_not_read(start):
    start("abc")(stop_after=2)
    assert start("abc").store.load() is None


def test_another_key_takes_nothing_over(start):
    start("abc")()
    other = start("abc", key="other settings")
    other()
    assert other.computed == list("abc")


def test_another_key_takes_nothing_over_from_an_unfinished_store(start):
    start("abc")(stop_after=2)
    other = start("abc", key="other settings")
    other()
    assert other.computed == list("abc")


def test_copies_of_a_picture_are_computed_once(start):
    run = start("abcabca")
    values, _ = run()
    assert run.computed == list("abc")
    np.testing.assert_array_equal(values, expected("abcabca"))


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [("abc", "xabc", "x"), ("abc", "cba", ""), ("abc", "b", ""), ("abc", "axbxc", "x")],
)
def test_pictures_added_removed_or_moved_keep_their_rows(start, before, after, new):
    start(before)()
    run = start(after)
    values, _ = run()
    assert run.computed == list(new)
    np.testing.assert_array_equal(values, expected(after))


@pytest.mark.parametrize(
    ("after", "new"), [("xabcdef", "xef"), ("fedcba", "fe"), ("bcd", ""), ("bcdf", "f")]
)
def test_rows_of_a_run_that_stopped_are_kept_when_the_pictures_change(start, after, new):
    start("abcdef")(stop_after=4)
    run = start(after)
    values, _ = run()
    assert run.computed == list(new)
    np.testing.assert_array_equal(values, expected(after))


def test_nothing_is_left_over(start, tmp_path):
    start("abcdef")(stop_after=4)
    start("xabc")(stop_after=1)
    start("cd")()
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


class Killed(BaseException):
    """The process ended between two lines of the store."""


def killed_after(lines: int, run: Run) -> bool:
    """Run and stop dead after some lines of the store; tell whether it came to that."""
    left = lines

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename != store_module.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize(
    ("earlier", "stop_after"),
    [(None, None), ("cdef", None), ("cdef", 2), ("abccd", 3)],
    ids=["afresh", "over a finished store", "over another's part", "over its own part"],
)
def test_a_kill_after_any_line_costs_one_row_at_most(tmp_path, earlier, stop_after):
    ids = list("abccd")
    for lines in range(10_000):
        folder = tmp_path / str(lines) / "net"
        held = 0
        if earlier is not None:
            begun = Run(folder, list(earlier))
            begun(stop_after)
            held = len(set(begun.computed) & set(ids))
        first, second = Run(folder, ids), Run(folder, ids)
        was_killed = killed_after(lines, first)
        values, _ = second()
        np.testing.assert_array_equal(values, expected(ids))
        computed = len(first.computed) + len(second.computed)
        assert computed <= len(set(ids)) - held + 1, f"killed after {lines} lines"
        assert [path.name for path in folder.parent.iterdir()] == ["net"]
        if not was_killed:
            break
    else:
        pytest.fail("the run never came to its end")
    assert lines > 50


def test_copies_cut_in_two_by_a_kill_are_completed(start):
    """The row of the first copy is written, that of the second is not."""
    run = start("aab")
    writer = run.store.writer(FEATURES)
    writer._rows["a"] = [0]
    writer.write(0, row_of("a"))
    writer.close()
    again = start("aab")
    values, _ = again()
    np.testing.assert_array_equal(values, expected("aab"))


@pytest.mark.parametrize("name", ["meta.json", "ids.txt"])
@pytest.mark.parametrize("damage", [b"", b"{", b"null garbage"])
def test_a_damaged_record_means_to_compute_again(start, tmp_path, name, damage):
    start("abc")()
    (tmp_path / "net" / name).write_bytes(damage)
    values, _ = start("abc")()
    np.testing.assert_array_equal(values, expected("abc"))


def test_a_disk_that_fills_up_keeps_what_is_written(start, monkeypatch):
    first = start("abcdef")
    write_all = store_module._write_all

    def full(file, data):
        if len(first.computed) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_all(file, data)

    monkeypatch.setattr(store_module, "_write_all", full)
    with pytest.raises(OSError, match="No space left"):
        first()
    monkeypatch.undo()
    second = start("abcdef")
    second()
    assert second.computed == list("def")


def test_a_disk_too_small_is_an_error_at_the_start(start, tmp_path):
    """A limit on the size of a file stands for the disk: the kernel refuses both alike."""
    start("abc")()
    run = start([f"{n}" for n in range(10_000)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert run.computed == [], "the error came after some of the work"
    values, _ = start("abc").store.load()
    np.testing.assert_array_equal(values, expected("abc"))


def test_a_folder_whose_parent_does_not_exist_is_made(tmp_path):
    values, _ = Run(tmp_path / "a" / "b" / "net", ["x"])()
    np.testing.assert_array_equal(values, expected("x"))


def test_names_with_dots_do_not_share_a_part(tmp_path):
    Run(tmp_path / "net.v1", list("ab"))(stop_after=1)
    Run(tmp_path / "net.v2", list("ab"), "other")(stop_after=1)
    second = Run(tmp_path / "net.v1", list("ab"))
    second()
    assert second.computed == ["b"]
