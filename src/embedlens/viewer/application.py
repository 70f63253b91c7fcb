"""The web application that serves one scene."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedlens.errors import EmbedlensError
from embedlens.viewer.access import Access, OwnPageMiddleware, TokenMiddleware
from embedlens.viewer.bundle import read_bundle, read_index, script_hashes
from embedlens.viewer.decisions import Decisions
from embedlens.viewer.labels import WrittenLabels
from embedlens.viewer.neighbors import FeatureNeighbors
from embedlens.viewer.scene import Scene

_CHUNK = 2**20
_MOST_NEIGHBORS = 200
_LARGEST_SIDE = 1_600  # pixels; a screen shows no more, and a photograph of 20 megapixels would lag
_LARGEST_PICTURE, _MOST_DECISIONS = 2**28, 2**24  # bytes of a request
_LOSSLESS_PIXELS = 2**16  # below this a picture is shown magnified, and JPEG's blocks would show


@dataclass(frozen=True)
class Served:
    """What is served.

    Attributes
    ----------
    scene : Scene
        The manifest and its blobs.
    picture : callable
        Takes a row; returns the pixels of that picture, (h, w, 3), or None where it is gone.
    features : dict of str to callable
        By `backbone_key`; each returns what finds neighbours in the features.
    missing : str
        What to say of a picture that is gone.
    drops : dict of str to callable
        By `backbone_key`; each takes the bytes of a picture file, and returns what is known of it.
    labels : WrittenLabels or None
        The table into which decisions about pictures are written; None where there is none.
    """

    scene: Scene
    picture: Callable[[int], NDArray[np.uint8] | None] = lambda row: None
    features: Mapping[str, Callable[[], FeatureNeighbors]] = field(default_factory=dict)
    missing: str = "There is no picture here."
    drops: Mapping[str, Callable[[bytes], dict[str, Any]]] = field(default_factory=dict)
    labels: WrittenLabels | None = None

    def manifest(self) -> dict[str, Any]:
        """Return what the viewer is told: the scene, and what else may be asked here."""
        told = {**self.scene.manifest(), "drops": list(self.drops)}
        return told if self.labels is None else {**told, "decisions": self.labels.read().told()}

    def summary(self) -> str:
        """Say in a sentence or two what is served, and what is not."""
        scene = self.scene
        parts = (
            (scene.count, "picture", "pictures"),
            (scene.labels, "label", "labels")
            if scene.labels
            else (len(scene.classes), "class", "classes"),
            (len(scene.maps), "map", "maps"),
        )
        counts = ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in parts)
        told = f"{scene.title}: {counts}."
        return told if scene.pictures else f"{told}\n{self.missing}"

    @cached_property
    def _found(self) -> dict[str, FeatureNeighbors]:
        return {}

    def neighbors(self, key: str) -> FeatureNeighbors:
        """Return what finds neighbours in a backbone's features, opened when first asked for."""
        if key not in self._found:
            self._found[key] = self.features[key]()
        return self._found[key]


def application(served: Served, access: Access) -> Starlette:
    """Return the application: page, scene, blobs, pictures, neighbours, drops and decisions.

    No request names a file: pictures are numbers, blobs are names in the scene. A request must be
    for this machine by name, so that a page elsewhere cannot reach it through a name of its own
    that resolves to this address (DNS rebinding), and hold the token, so that no other user of the
    machine can read it. Blobs go out as they are: on one machine,
    compressing them would take longer than sending them.
    """
    page = read_index()
    routes = [
        Route("/", lambda request: HTMLResponse(page)),
        Route("/viewer.js", _script),
        Route("/scene.json", lambda request: JSONResponse(served.manifest())),
        Route("/data/{name}", lambda request: _blob(request, served)),
        Route("/pictures/{row:int}", lambda request: _picture(request, served)),
        Route("/neighbours", lambda request: _neighbours(request, served)),
        Route("/drop", partial(_drop, served), methods=["POST"]),
        Route("/decisions", partial(_decide, served), methods=["POST"]),
    ]
    middleware = [
        Middleware(_SecurityHeaders, scripts=script_hashes(page)),
        Middleware(
            TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False
        ),
        Middleware(TokenMiddleware, access=access),
        Middleware(OwnPageMiddleware),
    ]
    return Starlette(routes=routes, middleware=middleware)


def _script(request: Request) -> Response:
    return Response(read_bundle(), media_type="text/javascript; charset=utf-8")


def _blob(request: Request, served: Served) -> Response:
    name = request.path_params["name"]
    if name not in served.scene.blobs:
        return _told(404, "The scene has no data of this name.")
    content = served.scene.blob(name)
    sheets = served.scene.thumbnails.sheets if served.scene.thumbnails else ()
    kind = "image/jpeg" if name in sheets else "application/octet-stream"
    return StreamingResponse(
        _chunks(content), media_type=kind, headers={"Content-Length": str(content.nbytes)}
    )


async def _chunks(content: memoryview) -> AsyncIterator[bytes]:
    for start in range(0, content.nbytes, _CHUNK):
        yield bytes(content[start : start + _CHUNK])


def _picture(request: Request, served: Served) -> Response:
    row = request.path_params["row"]
    if row >= served.scene.count:
        return _told(404, f"There are {served.scene.count:,} pictures; {row} is none of them.")
    pixels = served.picture(row)
    if pixels is None:
        return _told(404, served.missing)
    data, kind = _encoded(pixels)
    return Response(data, media_type=kind)


def _encoded(pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
    """Return a picture that every browser shows, whatever its file is."""
    image, file = Image.fromarray(pixels), io.BytesIO()
    if image.width * image.height <= _LOSSLESS_PIXELS:
        image.save(file, "PNG")
        return file.getvalue(), "image/png"
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    image.save(file, "JPEG", quality=90)
    return file.getvalue(), "image/jpeg"


def _neighbours(request: Request, served: Served) -> Response:
    query = request.query_params
    key = query.get("backbone", "")
    if key not in served.features:
        return _told(404, "There are no features of this backbone.")
    try:
        row, k = int(query["picture"]), int(query.get("k", "12"))
    except (KeyError, ValueError):
        return _told(400, "picture and k must be whole numbers.")
    if not (0 <= row < served.scene.count and 1 <= k <= _MOST_NEIGHBORS):
        return _told(
            400, f"picture must be below {served.scene.count}, and k from 1 to {_MOST_NEIGHBORS}."
        )
    finder = served.neighbors(key)
    distances, indices = finder.of(row, k)
    return JSONResponse({"indices": indices.tolist(), "distances": distances.tolist()})


async def _drop(served: Served, request: Request) -> Response:
    """Answer what is known of the picture that the request holds."""
    key = request.query_params.get("backbone", "")
    if key not in served.drops:
        return _told(404, "No picture can be placed by this backbone.")
    try:
        data = await _body(request, _LARGEST_PICTURE)
        return JSONResponse(await run_in_threadpool(served.drops[key], data))
    except (ValueError, EmbedlensError) as error:
        return _told(400, str(error))


async def _decide(served: Served, request: Request) -> Response:
    """Write what was decided of pictures."""
    if served.labels is None:
        return _told(404, "Decisions can be written of a study alone.")
    try:
        asked = json.loads(await _body(request, _MOST_DECISIONS))
        decisions = Decisions.read(asked, served.scene.count)
        return JSONResponse(await run_in_threadpool(served.labels.write, decisions))
    except ValueError as error:
        return _told(400, f"This is no decision: {error}.")
    except (OSError, EmbedlensError) as error:
        return _told(400, str(error))


async def _body(request: Request, most: int) -> bytes:
    """Return what a request holds.

    Raises
    ------
    ValueError
        If it is longer than ``most`` bytes.
    """
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise ValueError(f"More than {most:,} bytes are not taken.")
    return b"".join(parts)


def _told(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status)


class _SecurityHeaders:
    """Tells browsers to run the viewer's own scripts and ask nothing of any other place."""

    def __init__(self, app: ASGIApp, scripts: list[str]) -> None:
        self._app = app
        policy = {
            "default-src": "'none'",
            "script-src": " ".join(["'self'", *scripts]),
            "style-src": "'self' 'unsafe-inline'",
            "img-src": "'self' data: blob:",
            "connect-src": "'self' data: blob:",
            "worker-src": "'self' blob:",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        self._headers = {
            "Content-Security-Policy": "; ".join(f"{name} {of}" for name, of in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            # Another study may be served at the same address tomorrow.
            "Cache-Control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)
