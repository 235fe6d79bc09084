"""Report which disclosure marks a file has and whether its signature is valid."""

import mmap
from pathlib import Path

from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import MediaUnreadable, UsageError
from faceloom.provenance.container_tags import find_sentences, read_tags
from faceloom.provenance.credentials import ContentCredentials, read_credentials
from faceloom.provenance.disclosure_mark import SOURCE_TYPE, parse_xmp
from faceloom.provenance.mime_type import detect_mime_type
from faceloom.provenance.verification_report import Verdict, VerificationReport
from faceloom.provenance.watermark import FoundWatermark, find_watermark
from faceloom.provenance.xmp_embedding import read_xmp_packets

# Exit codes of `faceloom verify` (table in docs/architecture.md).
EXIT_CODES: dict[Verdict, int] = {
    "valid": 0,
    "unmarked": 9,
    "invalid": 10,
    "unchecked": 10,
    "unsigned": 11,
    "watermarked": 12,
}

# The description box (JUMBF) at the start of every C2PA manifest store.
C2PA_STORE = b"jumd" + bytes.fromhex("6332706100110010800000aa00389b71")
_UNREACHABLE = ContentCredentials(
    "Invalid", errors=("the file has a manifest that cannot be reached",)
)


def verify(path: Path, anchors: Path | None = None, *, pixels: bool = False) -> VerificationReport:
    """Report which disclosure marks a file has and whether its signature is valid.

    Args:
        path: A video or an image of any origin.
        anchors: Certificates in PEM to trust, besides this machine's own.
        pixels: Whether to search the faces for a watermark, which takes up to a minute.

    Raises:
        UsageError: If there is no such file.
        MediaUnreadable: If it is not a video or image.
        ProviderMissing: If it has C2PA credentials and the extra is not installed.
    """
    check_kind(path, Purpose.MARKED)
    if not path.is_file():
        raise UsageError(f"{path} is not a file; give a video or an image.")
    credentials = _read_credentials(path, _read_anchors(anchors))
    tags = _read_tags(path, credentials)
    packets = map(parse_xmp, read_xmp_packets(path))
    xmp = tuple(disclosure for disclosure in packets if disclosure is not None)
    sentences = find_sentences(path, tags)
    marked = bool(sentences) or any(_is_swap(disclosure.source_type) for disclosure in xmp)
    verdict = _verdict(credentials, marked)
    watermark = _search_pixels(path, verdict) if pixels else None
    if watermark and verdict == "unmarked":
        verdict = "watermarked"
    return VerificationReport(path, verdict, tags, sentences, xmp, credentials, watermark)


def _read_tags(path: Path, credentials: ContentCredentials | None) -> dict[str, str]:
    """Return the tags; of a signed file that may be damaged, its credentials are the result."""
    if credentials and credentials.state == "Invalid":
        return {}
    try:
        return read_tags(path)
    except MediaUnreadable:
        if credentials and credentials.state == "Unchecked":
            return {}
        raise


def _search_pixels(path: Path, verdict: Verdict) -> FoundWatermark | None:
    """Return the watermark; a file whose frames are damaged fails only if it has no other mark."""
    if verdict == "invalid":
        return None
    try:
        return find_watermark(path)
    except MediaUnreadable:
        if verdict == "unmarked":
            raise
        return None


def _verdict(credentials: ContentCredentials | None, marked: bool) -> Verdict:
    if credentials is None:
        return "unsigned" if marked else "unmarked"
    if credentials.state == "Invalid":
        return "invalid"
    if credentials.state == "Unchecked":
        return "unchecked"
    if any(_is_swap(source_type) for source_type in credentials.source_types):
        return "valid"
    # Credentials of a camera do not mention a swap, so they do not sign the tags beside them.
    return "unsigned" if marked else "unmarked"


def _is_swap(source_type: str) -> bool:
    return source_type == SOURCE_TYPE


def _read_credentials(path: Path, anchors: bytes) -> ContentCredentials | None:
    mime_type = detect_mime_type(path)
    if mime_type is None or not _has_store(path):
        return None
    return read_credentials(path, mime_type, anchors) or _UNREACHABLE


def _read_anchors(anchors: Path | None) -> bytes:
    if anchors is None:
        return b""
    try:
        certificates = anchors.read_bytes()
    except OSError as error:
        raise UsageError(
            f"--anchors {anchors} cannot be read ({error.strerror}); give a PEM file of "
            "certificates."
        ) from error
    if b"-----BEGIN CERTIFICATE-----" not in certificates:
        raise UsageError(f"--anchors {anchors} contains no certificate in PEM; give one that does.")
    return certificates


def _has_store(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(C2PA_STORE) >= 0
