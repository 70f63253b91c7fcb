"""The published study's Tables I to IV, of whatever a study ran on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from embedlens.report.learning import settled_repeats
from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results, judge, judge_tuning
from embedlens.results.vocabulary import HEADS, MAPS, STAGES, TOP

_MAPS = ("pca", "tsne")


def has_paper_tables(results: Results) -> bool:
    """Return whether the study's top was trained, without which there is no Table II."""
    return bool((results.predictions["head"] == TOP.key).any())


def paper_tables(results: Results) -> dict[str, Table]:
    """Return Tables I to IV by the names of their files, backbones in the order of the settings.

    Table IV is left out where nothing was fine-tuned.
    """
    tables = {
        "table-1": _table_1(results),
        "table-2": _table_2(results),
        "table-3": _table_3(results),
    }
    if len(results.tunings):
        tables["table-4"] = _table_4(results)
    return tables


def _table_1(results: Results) -> Table:
    facts = results.backbones
    frame = pd.DataFrame(
        {
            "name": facts["backbone"].map(backbone_labels(results)),
            "model size (MB)": 4 * facts["parameters"] / 2**20,
            "parameters": facts["parameters"],
            "features": facts["features"],
            "input": facts["size"],
            "pictures": facts["embedded"],
            "execution time (s)": facts["seconds"].where(facts["embedded"] > 0),
        }
    )
    formats = {"model size (MB)": ".0f", "parameters": ",d", "features": ",d", "pictures": ",d"}
    return Table(
        "Table I. Models used for image embedding",
        "Size and parameters with the ImageNet top; features: "
        f"{'; '.join(facts['pooling'].map(str).unique())}. "
        "Input: the size that pictures are brought to. Execution time: to embed so many pictures, "
        "decoding included.",
        frame,
        {**formats, "execution time (s)": ".1f"},
    )


def _table_2(results: Results) -> Table:
    standings = {each.backbone: each for each in judge(results, TOP.key).standings}
    loss = results.mean("top.loss", "test")
    settled = settled_repeats(results)
    repeats = _values(results, "top.accuracy").groupby("backbone")["value"]
    labels, spread, count = backbone_labels(results), repeats.std(), repeats.count()
    rows = [
        {
            "name": labels[name],
            "average loss": loss[name],
            "average accuracy": standings[name].accuracy,
            "95% low": standings[name].low,
            "95% high": standings[name].high,
            "spread": spread[name],
            "repeats": count[name],
            "converged": f"{settled[name]} of {count[name]}",
        }
        for name in results.backbones["backbone"]
    ]
    shares = ("average accuracy", "95% low", "95% high", "spread")
    return Table(
        "Table II. Performance of transfer learning",
        "The study's top on the features of the pretrained backbones: loss and accuracy on the "
        "test pictures of so many splits. Low and high: 95% interval; a picture tested in several "
        "splits is one. Spread: standard deviation over splits. Converged: in how many the loss on "
        "validation pictures fell by less than a tenth in the last three epochs, and had not risen "
        "by more than a tenth above its least.",
        pd.DataFrame(rows),
        {"average loss": ".4f", **dict.fromkeys(shares, ".1%")},
    )


def _table_3(results: Results) -> Table:
    rows: list[dict[str, Any]] = []
    labels = backbone_labels(results)
    for name in results.backbones["backbone"]:
        row: dict[str, Any] = {"name": labels[name]}
        for space in _MAPS:
            title = MAPS[space].title
            seconds = results.seconds(f"{space}.{MAPS[space].cost}")
            row[f"{title} time (s)"] = seconds.get(name, np.nan)
            row[f"{title} silhouette"] = results.mean(f"silhouette.{space}").get(name, np.nan)
            test = results.mean(f"silhouette.{space}", "test")
            row[f"{title} silhouette, test"] = test.get(name, np.nan)
        rows.append(row)
    frame = pd.DataFrame(rows)
    formats = {column: ".2f" if "time" in column else ".4f" for column in frame.columns[1:]}
    return Table(
        "Table III. Performance of dimensionality reduction",
        "Maps to three dimensions of all pictures together, made without their classes; "
        "silhouette (Euclidean, mean over pictures) of all of them, as in the study, and of the "
        "test pictures of the first split among themselves. The time is that of the map alone: "
        "distances in the features are computed once for both and take "
        f"{results.seconds('gram').mean():.1f} s on average.",
        frame,
        formats,
    )


def _table_4(results: Results) -> Table:
    changes = {each.backbone: each for each in judge_tuning(results)}
    labels, rows = backbone_labels(results), []
    for name, change in changes.items():
        repeats = results.tunings.loc[results.tunings["backbone"] == name, "repeat"]
        losses = {stage: _mean_of(results, "top.loss", stage, name, repeats) for stage in STAGES}
        row: dict[str, Any] = {
            "name": labels[name],
            "average loss": losses["tuned"],
            "loss difference": losses["tuned"] - losses["pretrained"],
            "average accuracy": change.after,
            "accuracy difference": change.after - change.before,
            "difference low": change.low,
            "difference high": change.high,
            "best untuned head": HEADS.title(change.frozen_head),
            "its accuracy": change.frozen,
            "beyond it": change.beyond,
            "beyond low": change.beyond_low,
            "beyond high": change.beyond_high,
        }
        for space in _MAPS:
            after = results.mean(f"silhouette.{space}", "all", "tuned").get(name, np.nan)
            row[f"{MAPS[space].title} silhouette"] = after
            before = results.mean(f"silhouette.{space}").get(name, np.nan)
            row[f"{MAPS[space].title} difference"] = after - before
        row["repeats"] = len(repeats)
        rows.append(row)
    frame = pd.DataFrame(rows)
    signed = {c: "+.4f" for c in frame.columns if "difference" in c}
    points = dict.fromkeys(
        ("accuracy difference", "difference low", "difference high", "beyond it", "beyond low",
         "beyond high"), "+.1p",
    )  # fmt: skip
    plain = {c: ".4f" for c in frame.columns if "silhouette" in c or c == "average loss"}
    return Table(
        "Table IV. Performance of fine tuning",
        "The same after the last layers were trained together with the top, from "
        f"{_layers(results)}, and the difference to before on the same splits. Low and high: 95% "
        "interval of the difference in accuracy, paired by picture. Beyond it: by how much the "
        "tuned top gets more right than the head that does best without tuning, on the same "
        "pictures. Silhouettes of all pictures, as in Table III; after tuning their mean over so "
        "many splits, on each of which it was tuned anew. The epoch with the least loss on "
        "validation pictures was kept; epoch 0, the backbone as it was, counts as one.",
        frame,
        {**plain, **signed, "average accuracy": ".1%", "its accuracy": ".1%", **points},
    )


def _values(results: Results, metric: str, stage: str = "pretrained") -> pd.DataFrame:
    return results.measured(metric=metric, split="test", stage=stage)


def _mean_of(results: Results, metric: str, stage: str, backbone: str, repeats: pd.Series) -> float:
    rows = _values(results, metric, stage)
    chosen = (rows["backbone"] == backbone) & rows["repeat"].isin(repeats)
    return float(rows.loc[chosen, "value"].mean())


def _layers(results: Results) -> str:
    firsts = results.tunings.drop_duplicates("backbone")
    return ", ".join(f"{row.layer} of {row.backbone}" for row in firsts.itertuples())
