"""What the pages tell people to type: Python runs, commands and options exist."""

from __future__ import annotations

import contextlib
import re
import shlex
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import embedlens
from embedlens.cli.app import app

ROOT = Path(__file__).parent.parent
TAUGHT = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", ROOT / "docs" / "classifier.md"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language ("" for commands)."""
    text = page.read_text(encoding="utf-8")
    return [
        code for kind, code in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
        if kind == language
    ]  # fmt: skip


def commands(page: Path) -> list[list[str]]:
    """Return the command lines of a page, as a shell takes them apart; comments after them go."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(
        r"`(embedlens [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    )
    shell = "".join(blocks(page, "")).replace("\\\n", " ").splitlines()
    lines = [part.strip() for line in shell for part in re.split(r" {3,}|&&", line)]
    found = [line for line in [*lines, *spans] if line.startswith("embedlens ")]
    return [shlex.split(line)[1:] for line in found if "..." not in line]


@cache
def cli():
    return typer.main.get_command(app)


def unknown(words: list[str]) -> list[str]:
    """Return what of a command line there is not: its command, or options of it."""
    group = cli()
    command = group.commands.get(words[0], group)
    if command is group and not words[0].startswith("-"):
        return [words[0]]
    there = {opt for each in command.params for opt in (*each.opts, *each.secondary_opts)}
    there |= {"--help", "-h"} | ({"--install-completion"} if command is group else set())
    given = [word.split("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    return [option for option in given if option not in there]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_on_pages_exist(page):
    wrong = {" ".join(words): unknown(words) for words in commands(page) if unknown(words)}
    assert not wrong


def test_commands_are_found_on_the_pages_that_teach_them():
    found = {words[0] for page in TAUGHT for words in commands(page)}
    assert {"demo", "study", "check", "predict", "view", "export", "embed", "map"} <= found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with ``photos/`` and ``new/``, as the pages have it."""
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    for place in ("photos/cat", "photos/dog", "photos/fox", "new"):
        (folder / place).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 256, (24, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / place / f"{i}.png")
    return folder


class QuickStudy(embedlens.Study):
    """One split and small pictures: what the pages show is how, not what comes out."""

    def __init__(self, pictures, backbones=None, **settings):
        if "seed" not in settings:  # not one that opens a folder
            settings |= {"repeats": 1, "size": 32, "maps": ["pca", "tsne"], "scores": False}
        super().__init__(pictures, backbones, **settings)


@pytest.fixture
def quick(monkeypatch):
    projection = embedlens.learn.SilhouetteProjection
    monkeypatch.setattr(embedlens, "Study", QuickStudy)
    monkeypatch.setattr(embedlens, "embed", partial(embedlens.embed, size=32))
    monkeypatch.setattr(embedlens.learn, "SilhouetteProjection", partial(projection, epochs=1))


def test_python_on_the_pages_runs(folder, quick, monkeypatch):
    monkeypatch.chdir(folder)
    for page in TAUGHT:
        for code in blocks(page, "python"):
            with contextlib.redirect_stdout(None):
                exec(compile(code, str(page), "exec"), {})
    assert (folder / "my-study" / "report.html").is_file()


def test_who_cites_cites_the_newest_release_of_the_changelog():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(r"^## \[(\d[^\]]*)\] - (\S+)$", changes, re.M).groups()
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\ndate-released: {date}\n" in citation
