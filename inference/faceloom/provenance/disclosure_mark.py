"""The disclosure mark of a swap: as one sentence and as an XMP packet.

It has no date, so that the same command writes the same bytes.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from xml.sax.saxutils import escape

from faceloom import __version__
from faceloom.artifact_kind import SENTENCE_PREFIX
from faceloom.provenance.consent import ConsentRecord
from faceloom.provenance.watermark import FINGERPRINT_BITS, fingerprint_text

# IPTC's term for media of which a part was made by a trained model.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# Most characters of a consent record in XMP: a JPEG stores 64 kB.
_MAX_CONSENT_LENGTH = 1000
# Characters of a SHA-256 in a sentence.
_SHORT_SHA256_LENGTH = 16

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP = "http://ns.adobe.com/xap/1.0/"
# Our XMP namespace; its number is the version of the schema.
_FACELOOM = "urn:faceloom:mark/2.0/"
_QUOTE = '"'
_IDENTITY_PATTERN = re.compile(
    r'<rdf:li faceloom:name="([^"]*)" faceloom:sha256="([^"]*)"(?: faceloom:consent="([^"]*)")?/>'
)
_WATERMARK_PATTERN = re.compile(r'faceloom:watermark="([0-9a-f]{8})"')
_VERSION_PATTERN = re.compile(r'faceloom:version="([^"]*)"')
_SOURCE_TYPE_PATTERN = re.compile(r'Iptc4xmpExt:DigitalSourceType\s*(?:=\s*"|>\s*)([^"<]+)')


@dataclass(frozen=True, slots=True)
class SwappedIdentity:
    """An identity whose face is in the output."""

    name: str
    """The identity's name."""

    sha256: str
    """SHA-256 of the bundle or image that the face comes from."""

    consent: ConsentRecord | None = None
    """The recorded consent, if any."""


@dataclass(frozen=True, slots=True)
class DisclosureMark:
    """What is disclosed about a swap."""

    identities: tuple[SwappedIdentity, ...]
    """Whose faces are in the output."""

    version: str = __version__
    """Version of Faceloom."""

    trained: bool = True
    """Whether a trained model rendered the faces; False: an image was pasted."""

    watermark: int | None = None
    """Fingerprint in the pixels of the faces, 0 to 2**32 - 1; None: no watermark."""

    def with_watermark(self, target: str) -> "DisclosureMark":
        """Return the mark of an output with a watermark.

        Its fingerprint is the start of a SHA-256 of this mark and the target, so that the same
        command writes the same bytes.

        Args:
            target: What distinguishes the target from others, such as its name and size.
        """
        digest = hashlib.sha256(self.to_xmp() + target.encode(errors="surrogateescape")).digest()
        return replace(self, watermark=int.from_bytes(digest[: FINGERPRINT_BITS // 8], "big"))

    def to_sentence(self) -> str:
        """Return the mark for a tag, in one line: few programs keep more."""
        return f"{SENTENCE_PREFIX} {self.version}: {self.describe_swap()} {SOURCE_TYPE}"

    def describe_swap(self) -> str:
        """Return what was done, without the program's name."""
        names = ", ".join(
            f"{identity.name} ({identity.sha256[:_SHORT_SHA256_LENGTH]})"
            for identity in self.identities
        )
        method = "by a trained model" if self.trained else "by pasting an image"
        fingerprint = self._fingerprint()
        watermark = f" Watermark: {fingerprint}." if fingerprint else ""
        return f"faces were replaced {method}. Source: {names}.{watermark}"

    def _fingerprint(self) -> str:
        """Return the watermark's fingerprint in hexadecimal digits; empty without a watermark."""
        return "" if self.watermark is None else fingerprint_text(self.watermark)

    def to_xmp(self) -> bytes:
        """Return the mark as an XMP packet (ISO 16684-1) in UTF-8."""
        items = "".join(
            f"<rdf:li{_to_attributes(_describe(identity))}/>" for identity in self.identities
        )
        fingerprint = self._fingerprint()
        attributes = _to_attributes(
            {
                "xmlns:Iptc4xmpExt": _IPTC,
                "xmlns:xmp": _XMP,
                "xmlns:faceloom": _FACELOOM,
                "rdf:about": "",
                "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
                "xmp:CreatorTool": f"faceloom {self.version}",
                "faceloom:version": self.version,
            }
            | ({"faceloom:watermark": fingerprint} if fingerprint else {})
        )
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
            f"<rdf:Description{attributes}>"
            f"<faceloom:identities><rdf:Bag>{items}</rdf:Bag></faceloom:identities>"
            '</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
        ).encode()


@dataclass(frozen=True, slots=True)
class XmpDisclosure:
    """What an XMP packet discloses."""

    source_type: str
    """IPTC's digital source type, a URL."""

    version: str | None
    """Version of Faceloom; None if another program wrote the packet."""

    identities: tuple[SwappedIdentity, ...]
    """Whose faces are in the output."""

    watermark: str | None = None
    """Fingerprint of the watermark in the pixels, eight hexadecimal digits; None: not stated."""


def parse_xmp(packet: bytes) -> XmpDisclosure | None:
    """Return what an XMP packet of any program discloses; None without a digital source type.

    Matches text only: XML of unknown origin is not parsed, so entities are not expanded.

    Args:
        packet: The XMP packet.
    """
    text = packet.decode(errors="replace")
    source_type, version = _SOURCE_TYPE_PATTERN.search(text), _VERSION_PATTERN.search(text)
    watermark = _WATERMARK_PATTERN.search(text)
    if source_type is None:
        return None
    return XmpDisclosure(
        unescape(source_type[1].strip()),
        version and unescape(version[1]),
        tuple(_parse_identities(text)),
        watermark and watermark[1],
    )


def _parse_identities(text: str) -> Iterator[SwappedIdentity]:
    for name, sha256, consent in _IDENTITY_PATTERN.findall(text):
        yield SwappedIdentity(
            unescape(name), unescape(sha256), ConsentRecord.from_text(unescape(consent))
        )


def _describe(identity: SwappedIdentity) -> dict[str, str]:
    values = {"faceloom:name": identity.name, "faceloom:sha256": identity.sha256}
    if identity.consent:
        values["faceloom:consent"] = str(identity.consent)[:_MAX_CONSENT_LENGTH]
    return values


def _to_attributes(values: Mapping[str, str]) -> str:
    return "".join(
        f' {key}="{escape(_printable(value), {_QUOTE: "&quot;"})}"' for key, value in values.items()
    )


def _printable(value: str) -> str:
    """Replace control characters, which XML does not allow."""
    return "".join(letter if letter.isprintable() else " " for letter in value)
