from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from embedlens import ImageSet


def problems_of(images: ImageSet) -> list[tuple[str, str, bool]]:
    return [(problem.path, problem.kind, problem.kept) for problem in images.problems]


def test_copies_are_told_and_fall_on_one_side(write, animals):
    copies = {f"cat/copy{i}.png": animals["cat/3.png"] for i in range(5)}
    root = write({**animals, **copies})
    for seed in range(10):
        images = ImageSet.read(root, seed=seed)
        same = images.ids == images.ids[images.paths.tolist().index("cat/3.png")]
        assert same.sum() == 6
        assert len(set(images.splits[same])) == 1
    assert problems_of(images) == [(name, "duplicate", True) for name in sorted(copies)]
    assert images.problems[0].reason == "the same bytes as cat/3.png"


def test_two_labels_are_told_on_both_and_kept_on_one_side(write, animals):
    root = write({**animals, "dog/cat.png": animals["cat/3.png"]})
    for seed in range(10):
        images = ImageSet.read(root, seed=seed)
        both = [images.paths.tolist().index(name) for name in ("cat/3.png", "dog/cat.png")]
        assert len(set(images.splits[both])) == 1
    assert [(problem.path, problem.kind, problem.reason) for problem in images.problems] == [
        ("cat/3.png", "two labels", "the same bytes as dog/cat.png, which is labelled dog"),
        ("dog/cat.png", "two labels", "the same bytes as cat/3.png, which is labelled cat"),
    ]


def test_a_leak_takes_the_earlier_split_aside(write, picture):
    names = [f"{s}/{c}/{i}.png" for s in ("train", "val", "test") for c in "ab" for i in "123"]
    files = {name: picture(i) for i, name in enumerate(names)}
    files["train/a/v.png"] = files["val/a/1.png"]
    files["train/a/t.png"] = files["test/a/1.png"]
    files["val/a/t.png"] = files["test/a/2.png"]
    images = ImageSet.read(write(files))
    assert [(problem.path, problem.kind, problem.reason) for problem in images.problems] == [
        ("train/a/t.png", "leak", "the same bytes as test/a/1.png, which is in test"),
        ("train/a/v.png", "leak", "the same bytes as val/a/1.png, which is in validation"),
        ("val/a/t.png", "leak", "the same bytes as test/a/2.png, which is in test"),
    ]
    assert images.paths.tolist() == sorted(names)


def test_a_leak_under_two_labels_is_told_as_both(write, picture):
    names = [f"{s}/{c}/{i}.png" for s in ("train", "test") for c in "ab" for i in "123"]
    files = {name: picture(i) for i, name in enumerate(names)}
    files["train/a/x.png"] = files["test/b/1.png"]
    assert problems_of(ImageSet.read(write(files))) == [
        ("test/b/1.png", "two labels", True),
        ("train/a/x.png", "leak", False),
        ("train/a/x.png", "two labels", False),
    ]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["train", "val", "test"]),
            st.sampled_from("abc"),
            st.integers(0, 9),
        ),
        min_size=6,
        max_size=40,
    )
)
def test_no_content_is_ever_on_two_sides(picture, tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("leaks")
    rows += [("train", "a", 100), ("train", "b", 101)]
    lines = ["path,label,split"]
    for i, (split, label, number) in enumerate(rows):
        (folder / f"{i}.png").write_bytes(picture(number))
        lines.append(f"{i}.png,{label},{split}")
    (folder / "labels.csv").write_text("\n".join(lines))
    images = ImageSet.read(folder / "labels.csv")
    sides = {(content, split) for content, split in zip(images.ids, images.splits, strict=True)}
    assert len(sides) == len(set(images.ids)) == len({number for _, _, number in rows})
    aside = [problem for problem in images.problems if problem.kind == "leak"]
    assert len(images) + len(aside) == len(rows)
