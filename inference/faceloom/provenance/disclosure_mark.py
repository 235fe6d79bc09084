"""What is said of a swapped picture or video: in one sentence, and as an XMP packet. It has no date: the same twice."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from xml.sax.saxutils import escape

from faceloom import __version__
from faceloom.provenance.consent import ConsentRecord

# IPTC's term for footage in which a part was made by a trained model.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
# How every sentence of ours begins, by which it is known again.
BEGINNING = "Made with faceloom"
# Of a consent record in XMP: a JPEG holds 64 kB of it.
_MOST_CONSENT = 1000

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_OURS = "urn:faceloom:mark/1.0/"
_QUOTE = '"'
_FACE = re.compile(
    r'<rdf:li faceloom:identity="([^"]*)" faceloom:sha256="([^"]*)"(?: faceloom:consent="([^"]*)")?/>'
)
_VERSION = re.compile(r'faceloom:version="([^"]*)"')
_SOURCE_TYPE = re.compile(r'Iptc4xmpExt:DigitalSourceType\s*(?:=\s*"|>\s*)([^"<]+)')


@dataclass(frozen=True, slots=True)
class WornFace:
    """Whose face was put in, the SHA-256 of the bundle (or still) that it came from, and what is known of consent."""

    identity: str
    sha256: str
    consent: ConsentRecord | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said: which faceloom put whose faces in, and whether a trained model drew them or a still was pasted."""

    faces: tuple[WornFace, ...]
    version: str = __version__
    trained: bool = True

    def sentence(self) -> str:
        """Return it for tags: few programs keep more than one line."""
        return f"{BEGINNING} {self.version}: {self.deed()} {SOURCE_TYPE}"

    def deed(self) -> str:
        """Return what was done, without by what."""
        worn = ", ".join(f"{face.identity} ({face.sha256[:16]})" for face in self.faces)
        how = "by a trained model" if self.trained else "for a pasted still"
        return f"faces were exchanged {how}. Worn: {worn}."

    def packet(self) -> bytes:
        """Return it as an XMP packet (ISO 16684-1), UTF-8."""
        faces = "".join(f"<rdf:li{_attributes(_about(face))}/>" for face in self.faces)
        attributes = _attributes(
            {
                "xmlns:Iptc4xmpExt": _IPTC,
                "xmlns:xmp": _XMP,
                "xmlns:faceloom": _OURS,
                "rdf:about": "",
                "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
                "xmp:CreatorTool": f"faceloom {self.version}",
                "faceloom:version": self.version,
            }
        )
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description{attributes}>'
            f"<faceloom:faces><rdf:Bag>{faces}</rdf:Bag></faceloom:faces>"
            '</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
        ).encode()


@dataclass(frozen=True, slots=True)
class XmpFound:
    """What an XMP packet says of a swap. version: of the faceloom that wrote it, None for another program's."""

    source_type: str
    version: str | None
    faces: tuple[WornFace, ...]


def read_packet(packet: bytes) -> XmpFound | None:
    """Return what a packet of any program says, None if it does not say how the picture was made.

    Only what is looked for is matched, in text: a stranger's XML is not expanded.
    """
    text = packet.decode(errors="replace")
    source_type, version = _SOURCE_TYPE.search(text), _VERSION.search(text)
    if source_type is None:
        return None
    return XmpFound(
        unescape(source_type[1].strip()), version and unescape(version[1]), tuple(_faces(text))
    )


def _faces(text: str) -> Iterator[WornFace]:
    for identity, sha256, consent in _FACE.findall(text):
        yield WornFace(
            unescape(identity), unescape(sha256), ConsentRecord.from_text(unescape(consent))
        )


def _about(face: WornFace) -> dict[str, str]:
    said = {"faceloom:identity": face.identity, "faceloom:sha256": face.sha256}
    if face.consent:
        said["faceloom:consent"] = str(face.consent)[:_MOST_CONSENT]
    return said


def _attributes(said: Mapping[str, str]) -> str:
    return "".join(
        f' {key}="{escape(_printable(value), {_QUOTE: "&quot;"})}"' for key, value in said.items()
    )


def _printable(value: str) -> str:
    """Leave out control characters, which XML does not have."""
    return "".join(letter if letter.isprintable() else " " for letter in value)
