"""The result of `verify`: text for people, and JSON with a stable schema for programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from faceloom.provenance.credentials import ContentCredentials
from faceloom.provenance.disclosure_mark import XmpDisclosure
from faceloom.provenance.watermark import FoundWatermark

# "valid": marked as a swap, with a valid signature. "unsigned": marked, without a signature of
# the mark. "invalid": the signature does not match the file, or the manifest cannot be read.
# "unchecked": signed, and the signature was not checked. "watermarked": only the pixels are marked.
# "unmarked": no mark.
Verdict = Literal["valid", "unsigned", "invalid", "unchecked", "watermarked", "unmarked"]

_VERDICT_TEXT: dict[Verdict, str] = {
    "valid": "marked as a swap; the signature is valid and the file is unchanged.",
    "unsigned": "marked as a swap but not signed; it may have been changed.",
    "invalid": "the signature is invalid; the file may have been changed.",
    "unchecked": "the signature was not checked; the file may have been changed.",
    "watermarked": "only its pixels are marked as a swap, by a watermark; it has no other mark.",
    "unmarked": "no disclosure mark. This proves nothing: marks can be removed.",
}

# Most lines about marks: a file may have any number of them.
_MAX_LINES = 100
# Most characters of a line.
_MAX_LINE_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The marks found in a file."""

    # For the JSON Schema; pydantic also applies it to the dataclasses of the fields.
    __pydantic_config__ = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )

    path: Path
    """The file."""

    verdict: Verdict
    """The result."""

    tags: dict[str, str]
    """All tags of the file; empty if the signature is invalid, or was not checked and the tags
    cannot be read."""

    sentences: tuple[str, ...]
    """Faceloom's sentences in the tags."""

    xmp: tuple[XmpDisclosure, ...]
    """XMP packets with a digital source type."""

    credentials: ContentCredentials | None
    """The C2PA manifest; None if there is none."""

    watermark: FoundWatermark | None = None
    """The watermark in the pixels; None if none was found or searched for."""

    schema: Literal[1] = 1
    """Version of the JSON; it increases if a field or value is removed or changes its meaning.
    Fields, verdicts and states are added without a new version."""

    def to_text(self) -> str:
        """Return a line for the verdict and one for each mark."""
        lines = [f"{self.path}: {_VERDICT_TEXT[self.verdict]}"]
        lines += [f"  {line}" for line in islice(self._lines(), _MAX_LINES + 1)]
        if len(lines) > _MAX_LINES + 1:
            lines[-1] = "  more: --json prints everything that was found."
        return "\n".join(map(_to_line, lines))

    def _lines(self) -> Iterator[str]:
        for sentence in self.sentences:
            yield f"tags         {sentence}"
        for disclosure in self.xmp:
            tool = f" by faceloom {disclosure.version}" if disclosure.version else ""
            yield f"XMP          {disclosure.source_type.rsplit('/', 1)[-1]}{tool}"
            if disclosure.watermark:
                yield f"  watermark  {disclosure.watermark}, in the pixels"
            for identity in disclosure.identities:
                consent = f"; consent: {identity.consent}" if identity.consent else ""
                yield f"  identity   {identity.name}, from {identity.sha256}{consent}"
        if self.credentials:
            yield from _credential_lines(self.credentials)
        if self.watermark:
            yield (
                f"pixels       watermark {self.watermark.fingerprint} "
                f"(similarity {self.watermark.similarity:.1f})"
            )


def _to_line(text: str) -> str:
    """Return a line of the report without line breaks, which text of the file may contain."""
    line = " ".join(text[: _MAX_LINE_LENGTH + 1].splitlines())
    return line if len(text) <= _MAX_LINE_LENGTH else f"{line[:_MAX_LINE_LENGTH]} ..."


def _credential_lines(credentials: ContentCredentials) -> Iterator[str]:
    if credentials.signer:
        trust = {"Trusted": " (a known signer)", "Valid": " (an unknown signer)"}.get(
            credentials.state, ""
        )
        yield (
            f"C2PA         {credentials.state}, signed by {credentials.signer}{trust}; "
            f"made with {credentials.generator}"
        )
    else:
        yield f"C2PA         {credentials.state}"
    for name, values in (
        ("actions", credentials.actions),
        ("inputs", map(str, credentials.ingredients)),
        ("reason" if credentials.state == "Unchecked" else "errors", credentials.errors),
    ):
        if line := ", ".join(values):
            yield f"  {name:<11}{line}"
