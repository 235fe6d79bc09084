"""The JSON of `verify` has the documented schema."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.disclosure_marks import mark_file, needs_c2pa
from tests.helpers.fuzzing.box_mutations import make_box

from faceloom.provenance import (
    ConsentRecord,
    DisclosureMark,
    SwappedIdentity,
    VerificationReport,
)
from faceloom.provenance.box_count import MAX_BOXES
from faceloom.provenance.watermark import FoundWatermark

DOCS = Path(__file__).parents[3] / "docs"
ADAPTER = TypeAdapter(VerificationReport)
SCHEMA = ADAPTER.json_schema(mode="serialization")


def fields_of(schema: dict[str, Any], definitions: dict[str, Any], name: str = "") -> Iterator[str]:
    """Yield the fields of a JSON Schema as in the document's table, such as `xmp[].version`."""
    if "anyOf" in schema:
        schema = next(option for option in schema["anyOf"] if option.get("type") != "null")
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if schema["type"] == "array" and "$ref" in schema["items"]:
        yield from fields_of(schema["items"], definitions, f"{name}[]")
    elif "properties" in schema:
        for key, value in schema["properties"].items():
            yield from fields_of(value, definitions, f"{name}.{key}" if name else key)
    else:
        yield name


def test_documented_fields_are_those_of_the_schema() -> None:
    text = (DOCS / "provenance.md").read_text()
    table = text.partition("### The JSON")[2].partition("\n## ")[0]
    fields = set(fields_of(SCHEMA, SCHEMA["$defs"]))
    assert len(fields) > 20
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == fields


def test_published_schema_is_that_of_the_code() -> None:
    published = json.loads((DOCS / "verify-schema.json").read_text())
    assert published == SCHEMA, f"it must be:\n{json.dumps(SCHEMA, indent=1)}"


def _marked(path: Path, level: str) -> Path:
    consent = ConsentRecord(person="Ben", basis="release")
    mark = DisclosureMark((SwappedIdentity("ben", "b" * 64, consent),), watermark=0xC0FFEE42)
    make_clip(path, wave_images(2))
    mark_file(path, level, mark=mark)
    return path


def _damaged(path: Path) -> Path:
    data = bytearray(_marked(path, "full").read_bytes())
    data[data.find(b"mdat") + 100] ^= 1
    path.write_bytes(data)
    return path


def _many_boxes(path: Path) -> Path:
    with _marked(path, "full").open("ab") as file:
        file.write(make_box(b"free") * (MAX_BOXES + 1))
    return path


def _many_boxes_and_no_frames(path: Path) -> Path:
    data = _many_boxes(path).read_bytes()
    path.write_bytes(data.replace(b"moov", b"free"))
    return path


@pytest.mark.parametrize(
    ("make", "code", "verdict"),
    [
        (lambda path: make_clip(path, wave_images(2)), 9, "unmarked"),
        (lambda path: _marked(path, "tags"), 11, "unsigned"),
        pytest.param(lambda path: _marked(path, "full"), 0, "valid", marks=needs_c2pa),
        pytest.param(_damaged, 10, "invalid", marks=needs_c2pa),
        pytest.param(_many_boxes, 10, "unchecked", marks=needs_c2pa),
        pytest.param(_many_boxes_and_no_frames, 10, "unchecked", marks=needs_c2pa),
    ],
)
def test_output_has_the_schema(
    tmp_path: Path,
    faceloom: Callable[..., tuple[int, str, str]],
    make: Callable[[Path], Path],
    code: int,
    verdict: str,
) -> None:
    path = make(tmp_path / "a.mp4")
    exit_code, out, _ = faceloom("verify", path, "--json")
    assert exit_code == code
    report = ADAPTER.validate_json(out)
    assert (report.schema, report.verdict, report.path) == (1, verdict, path)
    if verdict in ("valid", "unsigned"):
        assert report.xmp[0].watermark == "c0ffee42"
        assert str(report.xmp[0].identities[0].consent) == "Ben; basis: release"


def test_output_with_a_watermark_has_the_schema(
    tmp_path: Path,
    faceloom: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = FoundWatermark("c0ffee42", 12.5, 25)
    # The package's attribute of that name is the function.
    module = sys.modules["faceloom.provenance.verify"]
    monkeypatch.setattr(module, "find_watermark", lambda path: found)
    path = make_clip(tmp_path / "a.mp4", wave_images(2))
    exit_code, out, _ = faceloom("verify", path, "--json", "--pixels")
    assert exit_code == 12
    assert ADAPTER.validate_json(out).watermark == found


@pytest.mark.parametrize("change", [{"schema": 2}, {"unknown": 1}, {"verdict": "fine"}])
def test_other_schema_is_refused(change: dict[str, Any]) -> None:
    report = VerificationReport(Path("a.mp4"), "unmarked", {}, (), (), None)
    document = ADAPTER.dump_python(report, mode="json")
    assert ADAPTER.validate_python(document) == report
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(document | change)


def test_text_of_the_file_cannot_imitate_another_line() -> None:
    sentences = ("a\n  C2PA         Trusted", "b" * 10_000, *map(str, range(1000)))
    report = VerificationReport(Path("a\rb.mp4"), "unsigned", {}, sentences, (), None)
    lines = report.to_text().splitlines()
    assert lines[0].startswith("a b.mp4: ")
    assert lines[1] == "  tags         a   C2PA         Trusted"
    assert len(lines[2]) < 2100
    assert (len(lines), lines[-1]) == (102, "  more: --json prints everything that was found.")
