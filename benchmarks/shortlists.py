"""The shortlists' networks: vector, transform, licence, size, from what the program knows of them.

Usage: python benchmarks/shortlists.py [--write docs/networks.md]

Each network is built once with random weights, to be asked what its vector is: that takes some
minutes, and the extra of its family. Without a network; nothing is downloaded. `--write` puts the
tables between the two marks in a page.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from embedlens.backbones import SHORTLISTS, get_backbone
from embedlens.backbones.licence import is_non_commercial
from embedlens.features import Recipe
from embedlens.features.engines import make_engine

BEGIN, END = "<!-- shortlists: made by benchmarks/shortlists.py -->", "<!-- end of shortlists -->"
TITLES = {
    "@small": "up to 30 million parameters and 260 pixels a side, for a machine without a GPU",
    "@modern": "what people choose among in 2026, up to the size of a ViT-B",
    "@paper": "the published study's five",
}


def row(name):
    own = get_backbone(name)
    random = get_backbone(name, weights="random")
    runner = make_engine(Recipe.of(random))
    millions = (own.parameters or runner.parameters) / 1e6
    licence = own.weights.licence or "not said"
    if is_non_commercial(licence):
        licence += " (non-commercial)"
    cells = [
        f"`{name}`",
        f"{millions:.1f}",
        f"{runner.features:,}: {runner.vector}",
        own.transform.describe(),
        licence,
    ]
    return "| " + " | ".join(cells) + " |"


def tables():
    lines = []
    for shortlist, networks in SHORTLISTS.items():
        lines += [f"## {shortlist}: {TITLES[shortlist]}", ""]
        lines += ["| network | million parameters | vector | transform | licence of the weights |"]
        lines += ["| --- | ---: | --- | --- | --- |", *map(row, networks), ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    page = parser.parse_args().write
    made = tables()
    if page is None:
        print(made)
        return
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
