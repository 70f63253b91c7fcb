"""What a study says of the time it still takes."""

from __future__ import annotations

import pytest

from embedlens.study import Study, TimeLeft
from embedlens.study.plan import PREPARATION
from embedlens.study.time_left import PlannedStep


class Clock:
    """Tells the time that it was last set to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def left(clock):
    """What is left of two backbones: 10 rows each to embed, then heads on two splits each."""
    left = TimeLeft(clock)
    left.plan(
        [
            PlannedStep("a: embedding", "embedding", 10.0),
            PlannedStep("b: embedding", "embedding", 30.0),
            *(PlannedStep(f"{n}: heads, split {i}", "heads", 5.0) for n in "ab" for i in (1, 2)),
        ]
    )
    return left


def test_before_there_is_a_plan_nothing_is_said(clock):
    left = TimeLeft(clock)
    left.tell("reading pictures", 1, 10)
    assert (left.seconds(), left.share(), left.sentence()) == (None, 0.0, "")


def test_guesses_count_until_something_is_measured(left, clock):
    assert left.seconds() == 60.0
    left.tell("a: embedding", 1, 10)
    clock.now += 4.0
    assert left.seconds() == 56.0
    assert left.share() == pytest.approx(4 / 60)


def test_rows_that_are_done_say_what_the_others_take(left, clock):
    left.tell("a: embedding", 6, 10)  # five were here, and the sixth has just been done
    clock.now += 4.0
    left.tell("a: embedding", 8, 10)
    assert left.seconds() == 2 * 2.0 + 30 + 20
    clock.now += 1.0
    assert left.seconds() == 3.0 + 30 + 20, "time goes on between two rows"
    clock.now += 3.0
    left.tell("b: embedding", 0, 10)
    # Two of ten rows, a fifth of what was guessed to take 10 s, took 8.
    assert left.seconds() == 30 * 8 / 2 + 20


def test_what_a_kind_took_corrects_its_guesses_and_no_others(left, clock):
    left.tell("a: heads, split 1", 0, 3)
    assert left.seconds() == 20.0, "embedding was passed over: it was done before"
    clock.now += 8.0
    left.tell("a: heads, split 2", 1, 3)
    assert left.seconds() == 3 * 8.0
    clock.now += 100.0
    assert left.seconds() == 2 * 8.0, "a step that takes longer than expected counts nothing"
    left.tell("an unplanned step", 0, 0)
    assert left.seconds() == 2 * (8 + 100) / 2


def test_parts_of_a_planned_step_are_that_step(clock):
    left = TimeLeft(clock)
    left.plan([PlannedStep(f"a: split {i}", "training", None) for i in (1, 2)])
    left.tell("a: split 1, top", 0, 16)
    assert left.sentence() == "1 s or more left"
    clock.now += 10.0
    left.tell("a: split 1, tail and top", 0, 16)
    clock.now += 50.0
    left.tell("a: split 2, top", 0, 16)
    assert (left.seconds(), left.sentence()) == (60.0, "about 60 s left")


@pytest.fixture(scope="module")
def told(pictures_once, tmp_path_factory):
    """The steps that a first run told, each once, and what was left as it began.

    Getting ready is left out: there is nothing to it where a network's graph is here already.
    """
    out = tmp_path_factory.mktemp("told") / "out"
    study = Study(
        pictures_once, ["EfficientNetLite0"], out=out, size=64, repeats=2, maps=["pca"], scores=True
    )
    left, planned = {}, []

    def tell(step, done, total):
        steps = [each.name for each in study.time_left._planned]
        planned[:] = planned or [each for each in steps if each != PREPARATION]
        left.setdefault(step, study.time_left.sentence())

    study.run(tell)
    return planned, left, study.time_left


def test_a_run_tells_the_steps_that_were_planned_in_their_order(told):
    planned, left, _ = told
    assert len(planned) > 10
    names = list(dict.fromkeys(planned))  # "distances" come twice
    assert [step for step in left if step in names] == names


def test_a_run_says_what_is_left_from_the_first_embedding_on(told):
    planned, left, after = told
    assert left["reading pictures"] == ""
    assert all(left[name].startswith("about ") for name in planned)
    assert after.sentence() == "", "it is over"


def test_without_a_callback_a_run_says_its_steps_and_what_is_left(
    pictures_once, told, tmp_path, capsys
):
    study = Study(
        pictures_once,
        ["EfficientNetLite0"],
        out=tmp_path,
        size=64,
        repeats=1,
        maps=["pca"],
        scores=False,
    )
    study.run()
    said = capsys.readouterr().err.splitlines()
    (heads,) = (line for line in said if line.startswith("EfficientNetLite0: heads, split 1"))
    assert heads.endswith(" left)")
