"""Pages escape what they show and embed what they need."""

import base64
import sys
from pathlib import Path

import jinja2
import numpy as np
import pytest

from faceloom import __version__
from faceloom.reports import data_url, picture_url, render_page


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with one template."""
    folder = tmp_path / "report_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "page.html.j2").write_text(
        '{% extends "base.html.j2" %}{% block title %}{{ title }}{% endblock %}'
        "{% block content %}<p>{{ text|options_as_code }}</p>{% endblock %}"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    return folder.name


def test_values_are_escaped_and_options_set_as_code(package: str) -> None:
    page = render_page(package, "page.html.j2", title="<a>", text="Use --every 5 & <b>.")
    assert "<title>Faceloom: &lt;a&gt;</title>" in page
    assert "<p>Use <code>--every</code> 5 &amp; &lt;b&gt;.</p>" in page
    assert "svg .grid {" in page
    assert f"Faceloom {__version__}" in page


def test_an_undefined_value_is_an_error(package: str) -> None:
    with pytest.raises(jinja2.UndefinedError, match="title"):
        render_page(package, "page.html.j2", text="")


def test_files_and_pictures_become_data_urls() -> None:
    assert data_url(b"ab", "video/mp4") == "data:video/mp4;base64,YWI="
    header, content = picture_url(np.zeros((8, 8, 3), np.uint8)).split(",")
    assert header == "data:image/jpeg;base64"
    assert base64.b64decode(content).startswith(b"\xff\xd8")
