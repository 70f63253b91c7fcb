"""A report opens where somebody sees it, and nowhere else."""

from __future__ import annotations

import pytest

from embedlens.cli.browser import has_display, open_page


@pytest.mark.parametrize(
    ("environment", "platform", "terminal", "seen"),
    [
        ({"DISPLAY": ":0"}, "linux", True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True, True),
        ({}, "linux", True, False),  # a server: Python would start a browser of the terminal
        ({"DISPLAY": ""}, "linux", True, False),
        ({"DISPLAY": ":0"}, "linux", False, False),  # into a pipe or a file
        ({"DISPLAY": ":0", "CI": "true"}, "linux", True, False),
        ({}, "darwin", True, True),
        ({"SSH_CONNECTION": "10.0.0.1"}, "darwin", True, False),
        ({}, "win32", True, True),
    ],
)
def test_a_browser_opens_where_it_is_seen(environment, platform, terminal, seen):
    assert has_display(environment, platform, terminal) == seen


def test_nothing_is_opened_under_test(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    open_page(tmp_path / "report.html")  # its output is captured: no terminal
    monkeypatch.setattr("embedlens.cli.browser.has_display", lambda *_: True)
    open_page(tmp_path / "report.html")
    assert opened == [(tmp_path / "report.html").resolve().as_uri()]
