"""What the server answers, and what it does not."""

from __future__ import annotations

import asyncio
import io
import json
import tracemalloc
from dataclasses import dataclass, field
from urllib.parse import unquote, urlencode

import numpy as np
import pytest
from PIL import Image

from embedlens.errors import EmbedlensError
from embedlens.metrics import nearest_neighbors
from embedlens.viewer import Scene, Served, served_study
from embedlens.viewer.access import REFUSAL, Access
from embedlens.viewer.application import application
from embedlens.viewer.decisions import Decisions


@dataclass
class Answer:
    """What came of a request."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[int] = field(default_factory=list)
    content: bytes = b""

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass
class Client:
    """Asks an application as a web server would, and does not tidy paths up first."""

    served: Served
    keep: bool = True

    def __post_init__(self):
        self.access = Access()
        self.app = application(self.served, self.access)

    def post(self, path, body, query=None, origin="http://127.0.0.1:8000"):
        """Send something, as from a page of this origin."""
        return self.get(path, query, method="POST", body=body, origin=origin)

    def get(
        self, path, query=None, host="127.0.0.1:8000", method="GET", cookie=None, body=None,
        origin=None,
    ):  # fmt: skip
        """Ask; with the right cookie unless another, perhaps an empty one, is given."""
        port = host.partition(":")[2] or "80"
        cookie = f"embedlens-{port}={self.access.token}" if cookie is None else cookie
        headers = [(b"host", host.encode()), (b"cookie", cookie.encode("latin-1"))]
        headers += [(b"origin", origin.encode())] if origin else []
        sent = [{"type": "http.request", "body": body, "more_body": False}] if body else []
        answer = Answer()
        scope = {
            "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(),
            "query_string": urlencode(query or {}).encode(), "headers": headers,
            "http_version": "1.1", "root_path": "", "scheme": "http",
        }  # fmt: skip

        async def receive():
            if sent:
                return sent.pop()
            await asyncio.Event().wait()  # the browser stays

        async def send(message):
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            body = message.get("body", b"")
            answer.pieces.append(len(body))
            answer.content += body if self.keep else b""

        asyncio.run(self.app(scope, receive, send))
        return answer


@pytest.fixture
def client(finished, built):
    return Client(served_study(finished.folder))


def test_page_script_and_scene(client, built, finished):
    assert "<title>" in client.get("/").text
    script = client.get("/viewer.js")
    assert script.text == built
    assert script.headers["content-type"].startswith("text/javascript")
    manifest = json.loads(client.get("/scene.json").content)
    assert manifest["count"] == len(finished.results.pictures)
    assert manifest["pictures"] is manifest["neighboursOnDemand"] is True
    assert manifest["neighbours"] == {}


def test_every_blob_of_the_manifest_is_there(client, finished):
    scene = served_study(finished.folder).scene
    for name in scene.blobs:
        answer = client.get(f"/data/{name}")
        assert answer.status == 200
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.content == bytes(scene.blob(name))


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", ""],
)
@pytest.mark.parametrize("path", ["/", "/scene.json", "/pictures/0", "/data/column-0"])
def test_a_request_under_another_name_is_refused(client, host, path):
    """A page elsewhere could have its own name resolve to this machine."""
    answer = client.get(path, host=host)
    assert answer.status == 400
    assert answer.text == "Invalid host header"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:123"])
def test_this_machines_names_are_answered(client, host):
    assert client.get("/scene.json", host=host).status == 200


PATHS = ["/", "/viewer.js", "/scene.json", "/data/column-0", "/pictures/0", "/neighbours", "/none"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("cookie", ["", "embedlens-8000=", "embedlens-8000=x", "embedlens-8000=é"])
def test_without_the_token_there_is_a_sentence_and_nothing_else(client, path, cookie):
    answer = client.get(path, cookie=cookie)
    assert (answer.status, answer.text) == (403, REFUSAL)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("given", ["", "x", "é", "\0", b"\xff"])
def test_a_wrong_token_is_refused_whatever_it_is(client, given):
    token = client.access.token
    added = token.encode() + (given if isinstance(given, bytes) else given.encode())
    for guess in (given, added + b"x", token[:-1], token.swapcase()):
        assert client.get("/", {"token": guess}, cookie="").status == 403


def test_the_token_in_the_address_gives_a_cookie_that_opens_the_rest(client):
    answer = client.get("/", {"token": client.access.token}, cookie="")
    assert answer.status == 200
    cookie, *rules = answer.headers["set-cookie"].split("; ")
    assert set(rules) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert {client.get(path, cookie=cookie).status for path in PATHS[:5]} == {200}
    # The cookie of a viewer on another port opens nothing here.
    assert client.get("/", cookie=cookie.replace("8000", "8001")).status == 403


def test_two_viewers_of_one_machine_keep_their_cookies_apart(client, finished):
    other = Client(served_study(finished.folder))
    first = client.get("/", {"token": client.access.token}, cookie="").headers["set-cookie"]
    second = other.get(
        "/", {"token": other.access.token}, cookie="", host="127.0.0.1:8001"
    ).headers["set-cookie"]
    both = "; ".join(each.split(";")[0] for each in (first, second))
    assert client.get("/scene.json", cookie=both).status == 200
    assert other.get("/scene.json", cookie=both, host="127.0.0.1:8001").status == 200
    assert other.get("/scene.json", cookie=first.split(";")[0], host="127.0.0.1:8001").status == 403


def test_a_ticket_opens_once(client):
    ticket = {"token": client.access.ticket}
    assert client.get("/", ticket, cookie="").status == 200
    assert client.get("/", ticket, cookie="").status == 403
    assert client.get("/", ticket).status == 200  # a reload, which has the cookie


@pytest.mark.parametrize(
    "path",
    [
        "/study.toml", "/static/viewer.js", "/data/", "/data/..", "/data/../study.toml",
        "/data/%2e%2e", "/data/..%2f..%2fstudy.toml", "/pictures/..%2f..%2fstudy.toml",
        "/pictures/0/../../x", "/pictures/-1", "/pictures/1e3", "/pictures/%2fetc%2fpasswd",
        "//etc/passwd", "/viewer.js/..",
    ],
)  # fmt: skip
def test_there_is_no_way_to_any_other_file(client, path):
    assert client.get(path).status == 404


def test_nothing_but_reading_is_possible(client):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        own = client.get("/scene.json", method=method, origin="http://127.0.0.1:8000")
        assert own.status == 405
        assert client.get("/scene.json", method=method).status == 403


def test_a_picture_comes_by_its_number(client, finished):
    answer = client.get("/pictures/20")
    with Image.open(finished.pictures / finished.results.pictures["path"][20]) as image:
        expected = np.asarray(image.convert("RGB"))
    assert answer.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), expected)


def test_a_large_picture_is_brought_to_the_size_of_a_screen(built):
    served = Served(Scene("x", 1, ("a",)), lambda row: np.zeros((3_000, 1_000, 3), np.uint8))
    answer = Client(served).get("/pictures/0")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == (533, 1_600)


def test_a_picture_that_is_not_there_gets_a_sentence(client, finished):
    count = len(finished.results.pictures)
    answer = client.get(f"/pictures/{count}")
    assert (answer.status, answer.text) == (
        404, f"There are {count} pictures; {count} is none of them."
    )  # fmt: skip


def test_pictures_that_are_gone_are_said_to_be(study, built):
    path = study.pictures / study.results.pictures["path"][1]
    path.unlink()
    answer = Client(served_study(study.folder)).get("/pictures/1")
    assert answer.status == 404
    assert answer.text.startswith("This picture is no longer at ")
    (study.pictures / "table.csv").unlink()
    served = served_study(study.folder)
    assert "The pictures are no longer at " in served.summary()
    manifest = json.loads(Client(served).get("/scene.json").content)
    assert manifest["pictures"] is False
    assert manifest["thumbnails"] is None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"backbone": "A"}, "A"),
        ({"backbone": "A tuned"}, "A.tuned"),
        ({"backbone": "B/2"}, "B_2"),
    ],
)
def test_neighbours_are_those_in_the_features(client, finished, query, name):
    values = np.load(finished.folder / "features" / name / "features.npy")
    distances, indices = nearest_neighbors(values, 5)
    got = json.loads(client.get("/neighbours", {**query, "picture": 7, "k": 5}).content)
    assert got["indices"] == indices[7].tolist()
    np.testing.assert_allclose(got["distances"], distances[7], rtol=1e-6)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"backbone": "C", "picture": 0}, 404),
        ({"backbone": "../A", "picture": 0}, 404),
        ({"backbone": "A"}, 400),
        ({"backbone": "A", "picture": "x"}, 400),
        ({"backbone": "A", "picture": -1}, 400),
        ({"backbone": "A", "picture": 45}, 400),
        ({"backbone": "A", "picture": 0, "k": 10**9}, 400),
    ],
)
def test_neighbours_of_nothing_are_refused(client, query, status):
    assert client.get("/neighbours", query).status == status


@pytest.mark.parametrize("path", ["/", "/scene.json", "/data/column-0", "/pictures/0", "/none"])
def test_browsers_are_told_to_trust_nothing_else(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    # SHA-256 of "let a = 1;", the page's own script.
    assert policy["script-src"] == "'self' 'sha256-xY6QKfH9PRsQnLz56nj6MBwiK5oHg+im1Jkpdp1x/Ck='"


def test_a_large_blob_goes_out_in_pieces(built, tmp_path):
    """A hundred megabytes pass through without being held."""
    path = tmp_path / "large.npy"
    large = np.lib.format.open_memmap(path, "w+", np.float32, (25_000_000,))
    large.flush()
    scene = Scene("x", 1, ("a",), blobs={"large": np.load(path, mmap_mode="r")})
    client = Client(Served(scene), keep=False)
    tracemalloc.start()
    answer = client.get("/data/large")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(answer.pieces) == 100_000_000
    assert max(answer.pieces) <= 2**20
    assert peak < 20_000_000


def test_a_checkout_without_the_built_viewer_says_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.setattr("embedlens.viewer.bundle.STATIC", tmp_path)
    with pytest.raises(EmbedlensError, match="npm ci && npm run build"):
        application(Served(Scene("x", 1, ("a",))), Access())


@pytest.fixture
def taking():
    """An application that takes pictures and labels, and what it was given."""
    given = []

    def drop(data):
        if data == b"bad":
            raise EmbedlensError("no picture")
        return {"class": "a", "bytes": len(data)}

    class Table:
        def read(self):
            return Decisions(aside=(1,))

        def write(self, decisions):
            given.append(decisions)
            return {"path": "labels.csv", "kept": len(decisions.kept), "labelled": 0, "aside": 1}

    return Client(Served(Scene("x", 3, ("a",)), drops={"A": drop}, labels=Table())), given


def test_a_dropped_picture_is_answered(taking):
    client, _ = taking
    manifest = json.loads(client.get("/scene.json").content)
    assert manifest["drops"] == ["A"]
    answer = client.post("/drop", b"picture", {"backbone": "A"})
    assert json.loads(answer.content) == {"class": "a", "bytes": 7}
    assert client.post("/drop", b"bad", {"backbone": "A"}).text == "no picture"
    assert client.post("/drop", b"bad", {"backbone": "A"}).status == 400
    assert client.post("/drop", b"picture", {"backbone": "B"}).status == 404
    assert client.get("/drop", {"backbone": "A"}).status == 405


def test_decisions_are_passed_on_and_nothing_else(taking):
    client, given = taking
    assert json.loads(client.get("/scene.json").content)["decisions"]["aside"] == [1]
    ask = {"kept": [0], "labelled": {"new": [2]}}
    assert json.loads(client.post("/decisions", json.dumps(ask).encode()).content)["kept"] == 1
    assert given == [Decisions(kept=(0,), labelled={"new": (2,)})]
    for wrong in (b'{"kept": [3]}', b'{"kept": []}', b"no json", b"[]", b"\xff"):
        answer = client.post("/decisions", wrong)
        assert answer.status == 400
        assert answer.text.startswith("This is no decision")
    assert len(given) == 1


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://127.0.0.1:9000", "http://localhost:8000", "https://evil.example"],
)
def test_only_the_viewer_s_own_page_may_send(taking, origin):
    """Cookies are shared by all ports of an address."""
    client, given = taking
    assert client.post("/decisions", b'{"kept": [0]}', origin=origin).status == 403
    assert client.post("/drop", b"picture", {"backbone": "A"}, origin=origin).status == 403
    assert given == []


def test_what_is_no_study_takes_nothing():
    client = Client(Served(Scene("x", 1, ("a",))))
    manifest = json.loads(client.get("/scene.json").content)
    assert manifest["drops"] == []
    assert "decisions" not in manifest
    assert client.post("/decisions", b'{"kept": [0]}').status == 404
    assert client.post("/drop", b"picture", {"backbone": "A"}).status == 404
