"""A browser is started with a file that only this user can read, not with the token."""

import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from faceloom.cli.studio import studio_command
from faceloom.errors import UsageError
from faceloom.studio.web import server
from faceloom.studio.web.opening_page import opening_page

LINK = "http://localhost:8420/?token=secret&x=<"


def _path(address: str) -> Path:
    assert address.startswith("file:///")
    return Path(unquote(urlsplit(address).path))


def test_only_the_user_reads_the_page_and_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "my swap"
    folder.mkdir()
    with opening_page(folder, LINK) as address:
        path = _path(address)
        assert path.is_relative_to(folder)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text()
        assert "url=http://localhost:8420/?token=secret&amp;x=&lt;" in text
        assert "secret" not in address
    assert not path.exists()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing"), opening_page(tmp_path / "missing", LINK):
        pass


def test_the_browser_gets_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    pages: list[Path] = []

    def serve(folder: Path, _host: str, _port: int, _roots: object, on_ready: object) -> None:
        assert callable(on_ready)
        folder.mkdir()
        on_ready(LINK)
        pages.extend((folder / ".studio").iterdir())

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr("webbrowser.open", opened.append)
    studio_command(tmp_path / "project", root=[tmp_path])
    (page,) = pages
    assert opened == [page.as_uri()]
    assert not page.exists()
