"""What a file carries of marks, and whether it is what was signed."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.errors import UsageError
from faceloom.provenance.container_tags import sentences_in, tags_in
from faceloom.provenance.credentials import CredentialsFound, read_credentials
from faceloom.provenance.disclosure_mark import SOURCE_TYPE, XmpFound, read_packet
from faceloom.provenance.xmp_embedding import read_packets

# "intact": marked, and a signature says that it is what was signed. "unsigned": marked, and nothing vouches for the
# rest. "damaged": there is a signature and it does not hold. "unmarked": nothing says that a face was exchanged.
Verdict = Literal["intact", "unsigned", "damaged", "unmarked"]

# What no other command ends with (the table in docs/architecture.md).
EXIT_CODES: dict[Verdict, int] = {"intact": 0, "unmarked": 9, "damaged": 10, "unsigned": 11}

# The description box that begins every manifest store.
STORE = b"jumd" + bytes.fromhex("6332706100110010800000aa00389b71")
_UNREACHABLE = CredentialsFound(
    "Invalid", "", "", (), (), (), ("a manifest is there and cannot be reached",)
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found. sentences: ours, among the tags."""

    path: Path
    verdict: Verdict
    tags: dict[str, str]
    sentences: tuple[str, ...]
    xmp: tuple[XmpFound, ...]
    credentials: CredentialsFound | None

    def to_text(self) -> str:
        """Return a line for the verdict and one for each thing that was found."""
        return "\n".join(
            (f"{self.path}: {_IN_WORDS[self.verdict]}", *(f"  {line}" for line in self._lines()))
        )

    def _lines(self) -> Iterator[str]:
        for sentence in self.sentences:
            yield f"tags         {sentence}"
        for found in self.xmp:
            tool = f" by faceloom {found.version}" if found.version else ""
            yield f"XMP          {found.source_type.rsplit('/', 1)[-1]}{tool}"
            for face in found.faces:
                consent = f"; consent: {face.consent}" if face.consent else ""
                yield f"  face       {face.identity}, from {face.sha256}{consent}"
        if self.credentials:
            yield from _credential_lines(self.credentials)


def verify(path: Path, anchors: Path | None = None) -> Verified:
    """Say what marks a file carries and whether it is intact. anchors: PEM certificates that are trusted as well.

    Raises UsageError if there is no such file, MediaUnreadable if it is no video or picture, ProviderMissing if it has
    C2PA credentials and the extra that reads them is not installed.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no file; name a video or a picture.")
    credentials = _credentials(path, _read_anchors(anchors))
    # What was damaged may be no video any more; that it is damaged is then the answer.
    tags = {} if credentials and credentials.state == "Invalid" else tags_in(path)
    xmp = tuple(found for packet in read_packets(path) if (found := read_packet(packet)))
    sentences = sentences_in(path, tags)
    marked = bool(sentences) or any(_says_swap(found.source_type) for found in xmp)
    return Verified(path, _verdict(credentials, marked), tags, sentences, xmp, credentials)


def _verdict(credentials: CredentialsFound | None, marked: bool) -> Verdict:
    if credentials is None:
        return "unsigned" if marked else "unmarked"
    if credentials.state == "Invalid":
        return "damaged"
    if any(_says_swap(kind) for kind in credentials.source_types):
        return "intact"
    # A camera's credentials say nothing of a swap; tags beside them are not by whoever signed.
    return "unsigned" if marked else "unmarked"


def _says_swap(source_type: str) -> bool:
    return source_type == SOURCE_TYPE


def _credentials(path: Path, anchors: bytes) -> CredentialsFound | None:
    kind = _kind_of(path)
    if kind is None or not _has_store(path):
        return None
    return read_credentials(path, kind, anchors) or _UNREACHABLE


def _read_anchors(anchors: Path | None) -> bytes:
    if anchors is None:
        return b""
    try:
        certificates = anchors.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{anchors} cannot be read ({error.strerror}); name a PEM file of certificates."
        ) from error
    if b"-----BEGIN CERTIFICATE-----" not in certificates:
        raise UsageError(
            f"{anchors} holds no certificate in PEM, so that nobody would be trusted by it; name one."
        )
    return certificates


def _has_store(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(STORE) >= 0


def _kind_of(path: Path) -> str | None:
    """Return C2PA's name of a file's format by how it begins, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:] == b"qt  " else "video/mp4"
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    return (
        {b"WEBP": "image/webp", b"AVI ": "video/avi"}.get(head[8:])
        if head.startswith(b"RIFF")
        else None
    )


def _credential_lines(found: CredentialsFound) -> Iterator[str]:
    if found.signer:
        known = {"Trusted": ", whom this machine knows", "Valid": ", who is not known here"}.get(
            found.state, ""
        )
        yield f"C2PA         {found.state}, signed by {found.signer}{known}; made with {found.generator}"
    else:
        yield f"C2PA         {found.state}"
    for name, values in (
        ("actions", found.actions),
        ("made from", found.ingredients),
        ("wrong", found.faults),
    ):
        if values:
            yield f"  {name:<11}{', '.join(values)}"


_BEGINNINGS = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
_IN_WORDS: dict[Verdict, str] = {
    "intact": "marked as a swap, and what was signed.",
    "unsigned": "marked as a swap, and unsigned: nothing tells whether it was changed since.",
    "damaged": "signed, and changed since: the signature does not hold.",
    "unmarked": "nothing in it says that a face was exchanged. That proves nothing: marks can be removed.",
}
