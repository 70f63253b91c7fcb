"""Claim: relabelling agrees with hand-made labels of six wild animals.

All wild animals are put into one class, given their six names back by the ImageNet top of each
embedded network, and compared with the labels they had. Their species are classes of ImageNet.

    python benchmarks/relabel.py ANIMALS8 [--sure 0.8]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

import embedlens as el

SPECIES = ("fox", "cheetah", "lion", "tiger", "wolf", "leopard")


def one_class(photos: Path, folder: Path) -> tuple[Path, dict[str, str]]:
    """Write a table in which all wild animals are one class; return it and the true labels."""
    images = el.ImageSet.read(photos)
    paths = [str(photos.resolve() / path) for path in images.paths]
    truth = dict(zip(paths, images.labels.tolist(), strict=True))
    wild = ["wild" if label in SPECIES else label for label in images.labels]
    table = folder / "wild.csv"
    pd.DataFrame({"path": paths, "label": wild}).to_csv(table, index=False)
    return table, truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--sure", type=float, default=0.8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table, truth = one_class(args.photos, Path(folder))
        images = el.ImageSet.read(table)
        for name in ("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"):
            found = el.curation.relabel(
                images, SPECIES, label="wild", backbone=name, sure=args.sure
            )
            proposals = found.proposals
            agrees = proposals["proposed"] == proposals["path"].map(truth)
            sure = proposals["sure"]
            by_class = agrees[sure].groupby(proposals["path"].map(truth)[sure]).mean()
            print(
                "%s: %d pictures, %.2f %% agree; %d unsure left out, of the rest %.2f %% agree (%s)"
                % (
                    name,
                    len(proposals),
                    100 * agrees.mean(),
                    (~sure).sum(),
                    100 * agrees[sure].mean(),
                    ", ".join(f"{label} {share:.3f}" for label, share in by_class.items()),
                )
            )


if __name__ == "__main__":
    main()
