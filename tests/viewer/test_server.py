"""`embedlens view` as its user meets it: address, answers, a clean end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pandas as pd
import pytest
from PIL import Image

from embedlens.errors import EmbedlensError
from embedlens.viewer import serve, served_file, served_study

# A stand-in for the built viewer, as the child does not see the parent's.
COMMAND = """
import sys
from pathlib import Path
from embedlens.viewer import bundle
bundle.STATIC = Path(sys.argv.pop(1))
from embedlens.cli import main
main()
"""


@pytest.fixture
def view(static):
    """Starts `embedlens view` and stops it at the end."""
    children = []

    def start(*arguments, environment=None):
        command = [sys.executable, "-c", COMMAND, str(static), "view"]
        child = subprocess.Popen(
            [*command, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, **(environment or {})},
        )  # fmt: skip
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def address(child):
    for line in child.stdout:
        if found := re.match(r"(http://127\.0\.0\.1:(\d+)/)(\?token=[\w-]{43})  \(Ctrl-C", line):
            return found[1], int(found[2]), found[3]
    raise AssertionError(child.stderr.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_the_loopback_alone_and_ends_quietly(view, finished, number):
    """Even while a browser holds a connection open."""
    child = view(finished.folder, "--no-browser")
    assert child.stdout.readline() == "study: 45 pictures, 3 classes, 9 maps.\n"
    url, port, token = address(child)
    with urllib.request.urlopen(f"{url}scene.json{token}") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{url}scene.json")
    own = socket.gethostbyname(socket.gethostname())
    if not own.startswith("127."):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own, port), timeout=5)
    with socket.create_connection(("127.0.0.1", port)) as held:
        request = f"GET /scene.json{token} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        held.sendall(request.encode())
        assert held.recv(15) == b"HTTP/1.1 200 OK"
        child.send_signal(number)
        out, errors = child.communicate(timeout=20)
    assert (child.returncode, out, errors) == (0, "", "")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)


def test_the_browser_gets_an_address_that_opens_once(view, finished, tmp_path):
    """Other users can read command lines, and the browser's holds the address."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    child = view(finished.folder, environment={"BROWSER": f"{browser} %s"})
    url, _, token = address(child)
    while not opened.exists():
        time.sleep(0.05)
    given = opened.read_text().strip()
    assert given.startswith(url)
    assert given != url + token
    with urllib.request.urlopen(given) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(given)
    reload = urllib.request.Request(given, headers={"Cookie": cookie})
    with urllib.request.urlopen(reload) as answer:
        assert answer.status == 200


def test_a_port_that_is_taken_gets_a_sentence(finished, built):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmbedlensError, match=f"Port {port} cannot be used"):
            serve(served_study(finished.folder), port, open_browser=False)


def test_a_table_of_coordinates_is_shown_too(tmp_path):
    path = tmp_path / "my map.csv"
    rows = [("a", "cat", "train", 0, 1), ("b", "dog", "test", 1, 0)]
    pd.DataFrame(rows, columns=["path", "label", "split", "x", "y"]).to_csv(path, index=False)
    served = served_file(path)
    assert served.summary().startswith("my map: 2 pictures, 2 classes, 1 map.\n")
    assert [column.id for column in served.scene.columns] == ["class", "split"]
    pd.read_csv(path).assign(z=0.5).to_parquet(tmp_path / "map.parquet")
    assert served_file(tmp_path / "map.parquet").scene.maps[0].dimensions == 3


def test_a_table_of_coordinates_is_shown_with_its_pictures(tmp_path):
    photos = tmp_path / "photos"
    (photos / "cat").mkdir(parents=True)
    for file in (photos / "cat" / "1.png", tmp_path / "secret.png"):
        Image.new("RGB", (40, 30), "red").save(file)
    names = ["cat/1.png", "cat/gone.png", "../secret.png", str(tmp_path / "secret.png")]
    path = tmp_path / "map.csv"
    pd.DataFrame({"x": range(4), "y": range(4), "Path": names}).to_csv(path, index=False)
    served = served_file(path, photos)
    assert served.scene.pictures
    assert served.picture(0).shape == (30, 40, 3)
    assert [served.picture(row) for row in (1, 2, 3)] == [None] * 3  # gone, and outside
    assert "--photos" in served_file(path).summary()


def test_pictures_of_a_map_that_cannot_be_looked_up_get_a_sentence(tmp_path):
    path = tmp_path / "map.csv"
    pd.DataFrame({"x": [0], "y": [1]}).to_csv(path, index=False)
    with pytest.raises(EmbedlensError, match="has no column path"):
        served_file(path, tmp_path)
    pd.DataFrame({"x": [0], "y": [1], "path": ["a.png"]}).to_csv(path, index=False)
    with pytest.raises(EmbedlensError, match=r"None of the 1 pictures .* is called 'a.png'"):
        served_file(path, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", None, "does not exist; give a study folder or a map"),
        ("bad.csv", "a,b\n1,2\n", "has the columns a, b and 1 rows"),
        ("short.csv", "x,y\n", "has the columns x, y and 0 rows"),
        ("empty.csv", "", "cannot be read as a table"),
        ("text.csv", "x,y\na,b\n", "which is no number"),
        ("bad.parquet", "PAR1", "cannot be read as a table"),
        ("study.csv", "\0", "has the columns"),
    ],
)
def test_what_is_no_map_gets_a_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(EmbedlensError, match=sentence):
        served_file(path)


def test_a_folder_that_is_no_study_gets_a_sentence(tmp_path):
    with pytest.raises(EmbedlensError, match="is not a study folder"):
        served_study(tmp_path)
