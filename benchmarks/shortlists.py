"""The shortlists' networks: vector, transform, licence, size, from what the program knows of them.

Usage: python benchmarks/shortlists.py [--vectors] [--write docs/networks.md]

With `--vectors` each network is built once with random weights, to be asked what its vector is:
that takes some minutes, and the extra of its family. Nothing is downloaded. `--write` puts the
tables between the two marks in a page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from embedlens.backbones import SHORTLISTS, get_backbone, parse_name
from embedlens.backbones.licence import is_non_commercial

BEGIN, END = "<!-- shortlists: made by benchmarks/shortlists.py -->", "<!-- end of shortlists -->"
TITLES = {
    "@small": "up to 30 million parameters and 260 pixels a side, for a machine without a GPU",
    "@modern": "what people choose among in 2026, up to the size of a ViT-B",
    "@paper": "the published study's five",
}


def row(name, vectors):
    own = described(name)
    licence = own.weights.licence or "not said"
    if is_non_commercial(licence):
        licence += " (non-commercial)"
    cells = [f"`{name}`", f"{own.parameters / 1e6:.1f}", own.transform.describe(), licence]
    return "| " + " | ".join([*cells, vector(own)] if vectors else cells) + " |"


def described(name):
    """A backbone as its family tells of it, whether its extra is installed or not."""
    network, layer, family = parse_name(name)
    return family.backbone(network, layer)


def vector(own):
    print(own.name, file=sys.stderr)
    random = get_backbone(own.name, weights="random")
    form = next(each for each in own.family.forms if each != "openvino")  # the quickest to build
    built = own.family.build(random, form, own.transform, "own", None)
    return f"{built.features:,}: {built.vector}"


def tables(vectors):
    lines = []
    heads = ["network", "million parameters", "transform", "licence of the weights"]
    heads += ["vector"] if vectors else []
    for shortlist, networks in SHORTLISTS.items():
        lines += [f"## {shortlist}: {TITLES[shortlist]}", "", "| " + " | ".join(heads) + " |"]
        lines += ["| --- | ---: " + "| --- " * (len(heads) - 2) + "|"]
        lines += [*(row(name, vectors) for name in networks), ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--vectors", action="store_true")
    given = parser.parse_args()
    page, made = given.write, tables(given.vectors)
    if page is None:
        print(made)
        return
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
