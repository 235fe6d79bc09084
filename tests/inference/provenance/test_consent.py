"""Consent is recorded in bundles, shown by commands and stored in outputs."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle

from faceloom.errors import ArtifactRefused
from faceloom.provenance import ConsentRecord
from faceloom.swap import Bundle

FULL = ConsentRecord(
    person="Ben Example",
    basis="release of 3 May",
    date=datetime.date(2026, 5, 3),
    note="for one film",
)
FULL_TEXT = "Ben Example; basis: release of 3 May; 2026-05-03; for one film"


def bundle_with_consent(path: Path, consent: object) -> Path:
    manifest = json.loads((make_bundle(path) / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"consent": consent}))
    return path


@pytest.mark.parametrize(
    "record",
    [FULL, ConsentRecord(note="yes"), ConsentRecord(person="Ben"), ConsentRecord(note="{}")],
)
def test_record_to_text_and_back(record: ConsentRecord) -> None:
    assert ConsentRecord.from_text(record.to_text()) == record


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, "None"),
        ("", "None"),
        ("both agreed", "both agreed"),
        ('{"x": 1}', '{"x": 1}'),
        ("5", "5"),
    ],
)
def test_any_other_text_becomes_a_note(text: str | None, shown: str) -> None:
    assert str(ConsentRecord.from_text(text)) == shown


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, None),
        ("both agreed", ConsentRecord(note="both agreed")),
        (json.loads(FULL.model_dump_json()), FULL),
    ],
)
def test_manifest_contains_a_record_or_a_note(
    tmp_path: Path, written: object, read: ConsentRecord | None
) -> None:
    assert Bundle.read(bundle_with_consent(tmp_path / "b", written)).manifest.consent == read


@pytest.mark.parametrize("written", [7, ["yes"], {"person": 7}, {"name": "Ben"}, "x" * 5000])
def test_invalid_consent_is_refused(tmp_path: Path, written: object) -> None:
    with pytest.raises(ArtifactRefused, match="consent"):
        Bundle.read(bundle_with_consent(tmp_path / "b", written))


def test_consent_is_shown_by_inspect_convert_and_verify(
    tmp_path: Path, sample: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    bundle = bundle_with_consent(tmp_path / "b", json.loads(FULL.model_dump_json()))
    code, output, _ = faceloom("inspect", bundle)
    assert code == 0
    for part in ("person", "Ben Example", "release of 3 May", "2026-05-03", "for one film"):
        assert part in output
    out = tmp_path / "out.mp4"
    arguments = ("--bundle", bundle, "--out", out, "--range", "0:2", "--provenance", "tags")
    code, output, _ = faceloom("convert", sample / "target_ada.mp4", *arguments)
    assert code == 0
    assert f"Consent of ben: {FULL_TEXT}." in output
    assert f"consent: {FULL_TEXT}" in faceloom("verify", out)[1]
