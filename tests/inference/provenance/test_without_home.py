"""A user without a usable home folder converts all the same: the signature is an extra."""

import pwd
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle

from faceloom.doctor import marks
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.provenance.credentials import is_installed
from faceloom.provenance.signing_key import local_certificate
from faceloom.swap import ConvertOptions, convert
from faceloom.swap.inference.batch_tuning import _read
from faceloom.video import FrameRange

# Value of HOME (None: unset, and the user has no entry in the user database).
HOMES = {
    "a user ID without home": (None, "has no home folder"),
    "a home that cannot be created": ("/dev/null/home", "cannot be kept in"),
    "a file": (__file__, "cannot be kept in"),
}


@pytest.fixture(params=HOMES)
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    home, words = HOMES[request.param]
    for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    if home:
        monkeypatch.setenv("HOME", home)

    def unknown(_: int) -> object:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    return words


@pytest.mark.skipif(not is_installed(), reason="needs the extra provenance")
def test_convert_goes_on_unsigned_and_says_so(words: str, tmp_path: Path, sample: Path) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    options = ConvertOptions(
        provider="cpu", frame_range=FrameRange.parse("0:3"), marking=MarkSettings("full")
    )
    target = sample / "target_ada.mp4"
    summary = run_to_completion(convert(target, bundle, tmp_path / "out.mp4", options))
    assert summary.marks.formats == ("tags", "XMP")
    (limitation,) = summary.marks.limitations
    assert words in limitation
    assert "set XDG_DATA_HOME to a writable folder" in limitation


@pytest.mark.skipif(not is_installed(), reason="needs the extra provenance")
def test_nothing_else_needs_a_home(words: str) -> None:
    assert local_certificate() is None
    assert _read().entries == {}
    result = next(result for result in marks.check() if result.check.startswith("signing"))
    assert (result.state, "XDG_DATA_HOME" in result.advice) == ("missing", True)
