"""The hub, played by a server of its HTTP interface that serves files which libraries wrote."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
timm = pytest.importorskip("timm", reason="needs the extra [torch]")

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from embedlens.backbones import get_backbone, hub_file  # noqa: E402
from embedlens.backbones.hub_file import HubFile  # noqa: E402
from embedlens.errors import EmbedlensError  # noqa: E402

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = re.compile(r"^/(?P<repository>[^/]+/[^/]+)/resolve/(?:main|[0-9a-f]{40})/(?P<file>.+)$")


class Hub(BaseHTTPRequestHandler):
    """Answers what ``hf_hub_download`` asks: HEAD and GET of ``/ORG/NAME/resolve/main/FILE``."""

    root: Path

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        asked = ASK.match(self.path.partition("?")[0])
        folder = self.root / asked["repository"] if asked else self.root / "nowhere"
        if asked and asked["repository"] == "acme/gated":
            return self._refuse(403, "GatedRepo")
        if asked and asked["repository"].startswith("mirror/"):
            return self._answer_otherwise(int(asked["repository"].rpartition("/")[2]))
        if not folder.is_dir():
            return self._refuse(401 if asked else 404, "RepoNotFound")
        file = folder / asked["file"]
        if not file.is_file():
            return self._refuse(404, "EntryNotFound")
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)
        return None

    def _refuse(self, code: int, kind: str) -> None:
        self.send_response(code)
        self.send_header("X-Error-Code", kind)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer_otherwise(self, code: int) -> None:
        """Answer as what is no hub does, or one that does not say why."""
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory, randomized):
    """Address of the server, and what it serves."""
    root = tmp_path_factory.mktemp("hub")
    small = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=32, patch_size=16,
    )  # fmt: skip
    model = randomized(transformers.ViTModel(small))
    model.save_pretrained(root / "acme" / "vit")
    # In several files with an index, as large networks are kept.
    model.save_pretrained(root / "acme" / "parts", max_shard_size="20KB")
    assert len(list((root / "acme" / "parts").glob("model-*.safetensors"))) > 1
    side = {"height": 32, "width": 32}
    for name in ("vit", "parts"):
        transformers.ViTImageProcessorPil(size=side).save_pretrained(root / "acme" / name)
    (root / "acme" / "empty").mkdir()
    for each in ("config.json", "preprocessor_config.json"):
        content = (root / "acme" / "vit" / each).read_bytes()
        (root / "acme" / "empty" / each).write_bytes(content)
    folder = root / "timm" / "test_vit.r160_in1k"
    folder.mkdir(parents=True)
    own = randomized(timm.create_model("test_vit"))
    state = {key: each.contiguous().clone() for key, each in own.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("ThisHub", (Hub,), {"root": root}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Embeds a picture with a network as it is to be had, or says why it is not."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))

    def ask(name, **environment):
        for key in ("HF_HUB_OFFLINE", "HF_ENDPOINT"):
            monkeypatch.delenv(key, raising=False)
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        try:
            backbone = get_backbone(name)
            backbone.weights.fetch(backbone.network)
        except EmbedlensError as error:
            return str(error)
        built = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
        pixels = np.random.default_rng(0).integers(0, 256, (1, *built.size, 3), dtype=np.uint8)
        row = built.model(torch.from_numpy(pixels)).detach().numpy()[0]
        return [round(float(each), 4) for each in row[:4]]

    return ask


@pytest.mark.parametrize("name", ["hf:acme/vit", "hf:acme/parts", "timm:test_vit"])
def test_weights_come_from_the_hub_once(name, hub, ask):
    """And from its cache when the hub is forbidden."""
    first = ask(name, HF_ENDPOINT=hub)
    assert len(first) == 4
    assert ask(name, HF_HUB_OFFLINE="1") == first


def test_a_network_in_several_files_is_the_one_in_one(hub, ask):
    features = [ask(f"hf:acme/{each}", HF_ENDPOINT=hub) for each in ("vit", "parts")]
    assert len(features[0]) == 4
    assert features[0] == features[1]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("hf:acme/gated", "acme/gated is gated: accept its terms on its page at the hub"),
        ("hf:acme/nothing", "the hub has no public repository acme/nothing"),
        ("hf:acme/empty", "acme/empty has no file model.safetensors or "),
        ("hf:mirror/404", "mirror/404 has no file config.json."),
        ("hf:mirror/403", "the hub answered for mirror/403: 403 Forbidden"),
        ("hf:mirror/401", "the hub answered for mirror/401: Client error '401 Unauthorized'"),
        ("hf:mirror/200", "is no hub, and mirror/200 is not in the cache"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_sentence(name, sentence, hub, ask):
    said = ask(name, HF_ENDPOINT=hub)
    assert sentence in said
    assert "\n" not in said


def test_a_silent_hub_is_not_waited_for(ask, monkeypatch):
    """It takes what is asked and does not answer; the hub's library would try for minutes."""
    monkeypatch.setattr(hub_file, "_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = ask("hf:acme/vit", HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert said == "hf:acme/vit: the hub cannot be reached, and acme/vit is not in the cache."


@pytest.mark.parametrize("name", ["hf:acme/vit", "timm:test_vit"])
def test_offline_without_a_cache_is_said_in_a_sentence(name, hub, ask):
    said = ask(name, HF_HUB_OFFLINE="1", HF_ENDPOINT=hub)
    assert "HF_HUB_OFFLINE forbids to ask the hub" in said
    assert "\n" not in said


def test_the_cache_is_where_the_hub_s_library_has_it(hub, ask, tmp_path):
    """It is found without that library, which is slow to import."""
    from huggingface_hub import try_to_load_from_cache

    ask("hf:acme/vit", HF_ENDPOINT=hub)
    found = HubFile("acme/vit", ("model.safetensors",)).file
    cache = tmp_path / "home" / "hub"
    assert str(found) == try_to_load_from_cache("acme/vit", "model.safetensors", cache_dir=cache)
    assert found.is_file()
