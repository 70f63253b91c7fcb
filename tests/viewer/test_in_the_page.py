"""The viewer inside the report."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re

import numpy as np
import pytest

from embedlens.report import write_report
from embedlens.viewer.study_scene import study_scene


def write(study):
    """Write the report without the files of its figures, which take long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedlens.report.figures.write_figure", lambda *given: None)
        return write_report(study.folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(finished, static):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedlens.viewer.bundle.STATIC", static)
        return write(finished)


def scripts(page):
    """Attributes and contents of the page's scripts, as a browser cuts them out."""
    return re.findall(r"<script([^>]*)>(.*?)</script>", page, flags=re.DOTALL | re.IGNORECASE)


def unpacked(text):
    return gzip.decompress(base64.b64decode(text, validate=True))


def test_every_blob_of_the_scene_is_in_the_page(page, finished):
    found = scripts(page)
    manifest = json.loads(next(text for kind, text in found if "data-scene" in kind))
    blobs = {
        re.search('data-blob="(.*?)"', kind)[1]: unpacked(text)
        for kind, text in found
        if "data-blob" in kind
    }
    scene = study_scene(finished.results)
    assert manifest["classes"] == list(scene.classes)
    for each in manifest["maps"]:
        assert blobs[each["blob"]] == bytes(scene.blob(each["blob"]))
    for each in manifest["columns"]:
        dtype = {"category": "<u2", "number": "<f4"}[each["kind"]]
        got, whole = (
            np.frombuffer(b, dtype) for b in (blobs[each["blob"]], scene.blob(each["blob"]))
        )
        np.testing.assert_allclose(got, whole, rtol=3e-4 if each["kind"] == "number" else 0)
    assert manifest["thumbnails"]["sheets"] == ["thumbnails-0"]
    assert blobs["thumbnails-0"][:3] == b"\xff\xd8\xff"
    assert set(manifest["neighbours"]) == {"A", "A tuned", "B/2"}


def test_the_bundle_is_in_the_page_and_cannot_end_its_script(page):
    packed = next(text for kind, text in scripts(page) if "data-bundle" in kind)
    assert "mounted </script> <!-- here" in unpacked(packed).decode()


def test_class_names_stay_text_in_html_json_and_scripts(page):
    """The study's classes are an <img> with a handler and the end of a script."""
    outside = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert "<img src=x" not in outside
    assert "alert(2)</script>" not in page
    assert html.escape("<img src=x onerror=alert(1)>") in outside
    inside = next(text for kind, text in scripts(page) if "data-scene" in kind)
    assert "<" not in inside
    assert page.lower().count("<script") == page.lower().count("</script>") == len(scripts(page))


def test_the_page_allows_its_own_script_and_no_request(page):
    policy = html.unescape(re.search('Content-Security-Policy" content="(.*?)"', page)[1])
    modules = [text for kind, text in scripts(page) if 'type="module"' in kind]
    assert len(modules) == 1
    digest = base64.b64encode(hashlib.sha256(modules[0].encode()).digest()).decode()
    directives = dict(each.split(" ", 1) for each in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == f"'sha256-{digest}' blob:"
    assert not re.search(r"http|\*|self", policy)


def test_a_second_report_is_the_same(page, finished, built):
    assert write(finished) == page


def test_without_the_built_viewer_there_is_a_report_without_it(study, tmp_path, monkeypatch):
    monkeypatch.setattr("embedlens.viewer.bundle.STATIC", tmp_path)
    page = write(study)
    assert "<script" not in page
    assert 'id="viewer"' not in page


def test_a_scene_too_large_for_a_page_is_left_to_the_command(study, monkeypatch):
    monkeypatch.setattr("embedlens.report.viewer_block.MAX_BYTES", 1000)
    page = write(study)
    assert 'id="viewer"' not in page
    assert "<code>embedlens view" in page
