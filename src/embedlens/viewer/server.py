"""Serving a scene on this machine until it is stopped."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from embedlens.errors import EmbedlensError
from embedlens.features.store import read_features
from embedlens.given_path import given_path
from embedlens.images import ImageError, decode
from embedlens.results import Results, StudyFolder, results_of_any
from embedlens.results.checked import read_check
from embedlens.results.pictures import Pictures
from embedlens.results.results import feature_folders
from embedlens.results.vocabulary import PRETRAINED
from embedlens.viewer.access import Access
from embedlens.viewer.application import Served, application
from embedlens.viewer.check_scene import check_scene
from embedlens.viewer.dropped import DropTarget
from embedlens.viewer.label_scene import scene_of
from embedlens.viewer.labels import WrittenLabels
from embedlens.viewer.map_file import file_scene, map_pictures
from embedlens.viewer.neighbors import FeatureNeighbors
from embedlens.viewer.scene import Scene, backbone_key
from embedlens.viewer.sprites import Sheets
from embedlens.viewer.study_scene import study_sheets

ADDRESS = "127.0.0.1"
"""The loopback: no other machine reaches it."""


def served_study(folder: Path) -> Served:
    """Return a study as it is served: thumbnails, pictures and neighbours when asked for.

    Parameters
    ----------
    folder : Path
        The study folder.

    Raises
    ------
    StudyError
        If it is no study folder, or the study has not been run to its end.
    """
    folder = given_path(folder)
    results = results_of_any(folder)
    scene = scene_of(results)
    features = {
        backbone_key(backbone, stage): partial(_neighbors, path)
        for (backbone, stage), path in feature_folders(folder, results).items()
    }
    more = _classes_of(folder, results, scene)
    return _served(folder, scene, Pictures.with_unlabelled(results), features, "study", more)


def served_check(folder: Path) -> Served:
    """Return what a check found as it is served: like a study, with one map of its features.

    Parameters
    ----------
    folder : Path
        The folder that ``embedlens check`` wrote.

    Raises
    ------
    StudyError
        If the check has not been run to its end, is of an earlier version, or lacks its features.
    """
    folder = given_path(folder)
    checked = read_check(folder)
    place, pictures = checked.place, checked.pictures
    features = {
        backbone_key(checked.backbone, PRETRAINED.key): partial(_neighbors, checked.features)
    }
    # The table that decisions make gives each picture one class.
    more = (
        {"labels": WrittenLabels(folder, (place, pictures))} if checked.label_sets is None else {}
    )
    scene = check_scene(checked)
    return _served(folder, scene, Pictures(place, pictures), features, "check", more)


def _served(
    folder: Path,
    scene: Scene,
    pictures: Pictures,
    features: Mapping[str, Callable[[], FeatureNeighbors]],
    kind: str,
    more: dict[str, Any],
) -> Served:
    """Return a scene as it is served, with thumbnails and pictures where these still are."""
    scene.pictures = pictures.here
    if pictures.here:
        sheets = Sheets(scene.count)
        scene.add_thumbnails(sheets, study_sheets(folder, sheets, pictures))
    gone = "This picture is" if pictures.here else "The pictures are"
    scene.neighbours_on_demand = bool(features) and scene.count > 1
    return Served(
        scene,
        lambda row: pictures.pixels(row, None),
        features,
        **more,
        missing=f"{gone} no longer at {pictures.place}, or changed since the {kind}.",
    )


def _classes_of(folder: Path, results: Results, scene: Scene) -> dict[str, Any]:
    """Return what takes a dropped picture, and gives pictures a class where they have one each."""
    drops = {"drops": _drops(folder, results, scene)}
    if results.label_sets is not None:
        return drops
    return {**drops, "labels": WrittenLabels.of_study(folder, results)}


def _drops(
    study: Path, results: Results, scene: Scene
) -> dict[str, Callable[[bytes], dict[str, Any]]]:
    """Return what takes a dropped picture, by backbone and stage."""
    folder = StudyFolder(study)
    found: dict[str, Callable[[bytes], dict[str, Any]]] = {}
    here = feature_folders(study, results)
    for name, record in folder.gathered().items():
        stage = (record.backbone, record.stage)
        if record.features is not None and stage in here:
            projection = folder.projection(name)
            one = DropTarget(study, results, *stage, here[stage], projection, scene)
            found[backbone_key(*stage)] = one.place
    return found


def _neighbors(features: Path) -> FeatureNeighbors:
    bare = features.with_name(f"{features.name}.unlabelled")
    return FeatureNeighbors(read_features(features), read_features(bare) if bare.is_dir() else None)


def served_file(path: Path, photos: Path | None = None) -> Served:
    """Return a table of coordinates as it is served; see `file_scene`.

    Parameters
    ----------
    path : Path
        The table.
    photos : Path, optional
        The folder where the pictures lie that its column ``path`` names.

    Raises
    ------
    EmbedlensError
        If it is no such table, or none of its pictures is in the folder.
    """
    if photos is None:
        missing = "It is a map alone: --photos FOLDER shows the pictures."
        return Served(file_scene(path), missing=missing)
    files = map_pictures(path, photos)
    scene = file_scene(path, files)
    scene.pictures = True
    return Served(
        scene,
        lambda row: _decoded(files[row]),
        missing=f"This picture is not in {photos}, or cannot be read.",
    )


def _decoded(file: Path | None) -> Any:
    try:
        return None if file is None else decode(file.read_bytes(), None)
    except (OSError, ImageError):
        return None


def serve(
    served: Served,
    port: int = 0,
    *,
    open_browser: bool = True,
    ready: Callable[[str], None] = lambda url: print(url, flush=True),
) -> None:
    """Serve on the loopback until Ctrl-C or SIGTERM, to those who hold the address's token.

    Parameters
    ----------
    served : Served
        What.
    port : int, default 0
        0 takes a free one.
    open_browser : bool, default True
        Whether to open the page in a browser.
    ready : callable, optional
        Called with the address, token included, once the server can be reached.

    Raises
    ------
    EmbedlensError
        If the port is taken.
    """
    access = Access()
    config = uvicorn.Config(
        application(served, access), log_level="warning", access_log=False, lifespan="off",
        timeout_graceful_shutdown=1, server_header=False,
    )  # fmt: skip
    with _listening(port) as listener:
        url = f"http://{ADDRESS}:{listener.getsockname()[1]}/"
        ready(f"{url}?token={access.token}")
        if open_browser:
            # Some browsers that run in a terminal return only when they are closed.
            page = f"{url}?token={access.ticket}"
            threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends quietly when it is told to; uvicorn's own would be killed by the signal in the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self._stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # told twice: do not wait for answers under way
        self.should_exit = True


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        if sys.platform != "win32":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((ADDRESS, port))
        except OSError as error:
            raise EmbedlensError(
                f"Port {port} cannot be used ({error.strerror or error}); give another with "
                "--port, or none to take a free one."
            ) from error
        listener.listen(128)
        yield listener
