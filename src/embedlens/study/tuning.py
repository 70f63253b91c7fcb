"""One split of one backbone: the study's top, and fine-tuning that begins with it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.features import Features
from embedlens.images import ImageSet
from embedlens.learn import FineTuned, Rows, TopClassifier, finetune
from embedlens.study.analysis import Analysis, analyse, split_of, steps_of
from embedlens.study.heads import add_history, add_top_test, fit_top, fit_top_on_maps
from embedlens.study.neighbors import keep_neighbors
from embedlens.study.results import has_analysis, read_maps, write_analysis
from embedlens.study.settings import Settings

Progress = Callable[[str, int, int], None]
"""Takes the name of the step, what is done of it, and what there is (0 where that is unknown)."""


def run_repeat(
    folder: Path,
    name: str,
    features: Features,
    settings: Settings,
    repeat: int,
    key: str,
    progress: Progress,
) -> list[str]:
    """Train the top on one split and, if it is asked for, fine-tune; do what is missing of it.

    Parameters
    ----------
    folder : Path
        The study's.
    name : str
        The backbone's folders.
    features : Features
        Of all pictures, by the backbone as it was pretrained.
    settings : Settings
        Of the study.
    repeat : int
        Which split, from 0.
    key : str
        Names all that features and splits depend on.
    progress : callable
        Called with (step, done, total).

    Returns
    -------
    list of str
        The folders in ``results/``.
    """
    top_key = _key(key, version("keras"), settings.epochs, repeat)
    keys = {f"{name}.top-{repeat}": top_key}
    if settings.finetune:
        tuned_key = _key(top_key, settings.unfreeze, settings.augment)
        keys[f"{name}.tuned-{repeat}"] = tuned_key
    missing = [each for each in keys if not has_analysis(folder / "results" / each, keys[each])]
    if missing:
        split = split_of(features.images, settings, repeat)
        maps = read_maps(folder, name)
        # Fine-tuning begins with the trained top: when it is missing, the top is trained again.
        analysis, top = _analyse_top(features, split, settings, repeat, maps, progress)
        facts = {"backbone": features.backbone.name}
        for each in missing:
            stage = "tuned" if ".tuned-" in each else "pretrained"
            if stage == "tuned":
                analysis = _analyse_tuned(
                    folder, name, features, split, settings, repeat, top, progress
                )
            write_analysis(folder, each, keys[each], facts, stage, analysis)
    return list(keys)


def _analyse_top(
    features: Features,
    split: ImageSet,
    settings: Settings,
    repeat: int,
    maps: Mapping[str, NDArray[np.float32]],
    progress: Progress,
) -> tuple[Analysis, TopClassifier]:
    result = Analysis(repeat)
    label = _label(features, settings, repeat, "top")
    top = fit_top(
        result, features.values, split, repeat, epochs=settings.epochs, seed=settings.seed,
        progress=lambda done, total: progress(label, done, total),
    )  # fmt: skip
    progress(_label(features, settings, repeat, "top on the maps"), 0, 0)
    fit_top_on_maps(result, maps, split, repeat, settings, learned_on=0)
    return result, top


def _analyse_tuned(
    folder: Path,
    name: str,
    features: Features,
    split: ImageSet,
    settings: Settings,
    repeat: int,
    top: TopClassifier,
    progress: Progress,
) -> Analysis:
    """Fine-tune and measure all that was measured before; keep features and network of repeat 0."""
    kept = folder / "features" / f"{name}.tuned"
    kept.mkdir(parents=True, exist_ok=True)
    out = kept / ("features.npy" if repeat == 0 else "other.npy")
    start = time.perf_counter()
    tuned = finetune(
        split, features.recipe, unfreeze=settings.unfreeze, head=top, epochs=settings.epochs,
        augment=settings.augment,
        random_state=settings.seed + repeat, store=folder / "trunks", out=out,
        progress=lambda step, done, total: progress(
            _label(features, settings, repeat, step), done, total
        ),
    )  # fmt: skip
    seconds = time.perf_counter() - start
    begun = -1

    def step(what: str) -> None:
        nonlocal begun
        begun += 1
        progress(_label(features, settings, repeat, f"tuned: {what}"), begun, steps_of(1))

    result = analyse(tuned.features, split, settings, [repeat], step)
    _add_tuning(result, tuned, split, settings, repeat, seconds)
    progress(_label(features, settings, repeat, "tuned: top on the maps"), 0, 0)
    fit_top_on_maps(result, result.maps, split, repeat, settings, learned_on=repeat)
    if repeat == 0:
        if result.neighbors is not None:
            keep_neighbors(kept, result.neighbors)
        (kept / "ids.txt").write_text("\n".join(map(str, split.ids)), encoding="utf-8")
        (folder / "tuned").mkdir(exist_ok=True)
        tuned.save(folder / "tuned" / f"{name}.keras")
    else:
        out.unlink()
        result.maps, result.silhouettes = {}, result.silhouettes.iloc[:0]
    return result


def _add_tuning(
    result: Analysis,
    tuned: FineTuned,
    split: ImageSet,
    settings: Settings,
    repeat: int,
    seconds: float,
) -> None:
    add_history(result, tuned.history.reset_index(), repeat)
    test = Rows(tuned.features, split.where("test"))
    add_top_test(result, tuned.head, test, split, repeat, seconds)
    result.tunings.append(
        {
            "repeat": repeat,
            "unfreeze": settings.unfreeze,
            "layer": tuned.layer,
            "parameters": tuned.parameters,
            "best_epoch": tuned.best_epoch,
            "epochs": settings.epochs,
            "augment": settings.augment,
            "seconds": seconds,
        }
    )


def _label(features: Features, settings: Settings, repeat: int, step: str) -> str:
    return f"{features.backbone.name}: split {repeat + 1}, {step}"


def _key(*parts: Any) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
