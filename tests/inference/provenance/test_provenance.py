"""Outputs say that faces were exchanged, and `verify` finds out what they say and whether they are intact."""

import io
from collections.abc import Callable
from pathlib import Path
from xml.dom import minidom

import av
import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images

from faceloom.errors import FaceloomError, MediaUnreadable, ProviderMissing, UsageError
from faceloom.progress import run_to_completion
from faceloom.provenance import (
    EXIT_CODES,
    ConsentRecord,
    DisclosureMark,
    MarkSettings,
    MarkWriter,
    SwappedIdentity,
    verify,
)
from faceloom.provenance import credentials as credentials_module
from faceloom.provenance.container_tags import build_tags, find_sentences
from faceloom.provenance.disclosure_mark import SENTENCE_PREFIX, SOURCE_TYPE, parse_xmp
from faceloom.provenance.signing_key import local_key, read_key, signing_key_folder
from faceloom.provenance.xmp_embedding import embed_mark, read_xmp_packets
from faceloom.swap import ConvertOptions, convert
from faceloom.video import FrameRange
from faceloom.video.output import atomic_output

BEN = SwappedIdentity("ben", "b" * 64)
ODD = SwappedIdentity(
    "ä \"<&>'\n名", "0" * 64, ConsentRecord(person='Ben "B"', basis="release <1>", note="ok & fine")
)
HAS_C2PA = credentials_module.is_installed()
needs_c2pa = pytest.mark.skipif(
    not HAS_C2PA, reason="needs the extra provenance (c2pa-python, cryptography)"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory, sample: Path, bundle: Path) -> Path:
    """Six frames, marked as fully as this machine can."""
    out = tmp_path_factory.mktemp("swapped") / "out.mp4"
    run_to_completion(
        convert(
            sample / "target_ada.mp4",
            bundle,
            out,
            ConvertOptions(frame_range=FrameRange.parse("0:6")),
        )
    )
    return out


def picture(path: Path) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, wave_images(1)[0])[1].tobytes())
    return path


def mark_file(path: Path, level: str = "full") -> tuple[str, ...]:
    """Mark a picture that is there, made from nothing that has credentials."""
    marker = MarkWriter.open(MarkSettings(level), path)
    return marker.run_to_completion(path, DisclosureMark((BEN,)), path.parent / "nothing").written


def remuxed(path: Path, out: Path) -> Path:
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata.update(source.metadata)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out


@pytest.mark.parametrize("faces", [(BEN,), (ODD, BEN), ()])
def test_a_packet_is_xml_and_says_what_it_was_given(faces: tuple[SwappedIdentity, ...]) -> None:
    packet = DisclosureMark(faces).packet()
    minidom.parseString(packet)
    found = parse_xmp(packet)
    assert found is not None
    assert (found.source_type, len(found.faces)) == (SOURCE_TYPE, len(faces))
    for said, face in zip(found.faces, faces, strict=True):
        assert (said.identity, said.sha256) == (face.identity.replace("\n", " "), face.sha256)
        assert str(said.consent or "") == str(face.consent or "")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<x/>",
        b"\xff\xfe\0",
        b'<?xpacket begin="" ?><rdf:Description xmp:CreatorTool="faceloom"/>',
        b"<" * 70000,
    ],
)
def test_a_packet_of_others_says_nothing(packet: bytes) -> None:
    assert parse_xmp(packet) is None


@pytest.mark.parametrize(
    "text",
    [
        f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"',
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt>",
    ],
)
def test_a_packet_of_another_program_is_understood(text: str) -> None:
    found = parse_xmp(text.encode())
    assert found is not None
    assert (found.source_type, found.version) == (SOURCE_TYPE, None)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg", "a.webp"])
def test_a_picture_keeps_its_pixels_and_says_what_it_is(tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / name)
    before = cv2.imread(str(path))
    embed_mark(
        path, path.suffix, DisclosureMark((ODD,)).packet(), DisclosureMark((BEN,)).sentence()
    )
    assert np.array_equal(cv2.imread(str(path)), before)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).width == 128
    (packet,) = read_xmp_packets(path)
    assert packet == DisclosureMark((ODD,)).packet().split(b"<?xpacket end=")[0]
    assert find_sentences(path, {}) == (
        () if name == "a.webp" else (DisclosureMark((BEN,)).sentence(),)
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "filler", [b"<?xpacket begin=", f"{SENTENCE_PREFIX} ".encode(), b"<?xpacket end="]
)
def test_a_file_full_of_beginnings_takes_no_longer_than_another(
    tmp_path: Path, filler: bytes
) -> None:
    path = tmp_path / "a.png"
    marks = DisclosureMark((BEN,)).packet() + DisclosureMark((BEN,)).sentence().encode()
    path.write_bytes(filler * (8_000_000 // len(filler)) + b"\0" + marks)
    assert [parse_xmp(packet) is not None for packet in read_xmp_packets(path)] == [True]
    assert find_sentences(path, {}) == (DisclosureMark((BEN,)).sentence(),)


def test_a_lossless_webp_has_its_size_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    rgba = np.dstack([wave_images(1)[0], np.full((96, 128), 99, np.uint8)])
    path.write_bytes(cv2.imencode(".webp", rgba, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
    embed_mark(path, ".webp", DisclosureMark((BEN,)).packet(), "")
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), rgba)
    assert len(list(read_xmp_packets(path))) == 1


def test_a_mark_that_a_jpeg_cannot_hold_is_refused(tmp_path: Path) -> None:
    many = DisclosureMark(
        tuple(SwappedIdentity(f"{number:0100}", "0" * 64) for number in range(400))
    )
    with pytest.raises(MediaUnreadable, match="64 kB"):
        embed_mark(picture(tmp_path / "a.jpg"), ".jpg", many.packet(), many.sentence())


OURS = f"{SENTENCE_PREFIX} 0.0.1: something"


@pytest.mark.parametrize(
    ("ending", "there", "written"),
    [
        (".mp4", {}, {"comment"}),
        (".mp4", {"comment": "mine"}, {"description"}),
        (".mp4", {"COMMENT": "mine", "description": "mine"}, {"synopsis"}),
        (".mp4", {"comment": "mine", "description": "mine", "synopsis": "mine"}, set()),
        (".mp4", {"comment": OURS}, {"comment"}),
        (".mov", {"comment": "mine"}, {"description", "xmp"}),
        (".mkv", {}, {"FACELOOM", "comment"}),
        (".mkv", {"COMMENT": "mine"}, {"FACELOOM"}),
        (".webm", {"comment": "mine", "description": ""}, {"FACELOOM"}),
    ],
)
def test_a_tag_of_the_users_is_never_replaced(
    ending: str, there: dict[str, str], written: set[str]
) -> None:
    assert build_tags(DisclosureMark((BEN,)), ending, there).keys() == written


@pytest.mark.parametrize(
    ("name", "written", "missing"),
    [
        ("a.mp4", ("tags", "XMP"), ""),
        ("a.mov", ("tags", "XMP"), ""),
        ("a.mkv", ("tags",), "Matroska and WebM have no place for XMP; an .mp4 has."),
        ("a.gif", ("tags", "XMP"), ""),
        ("folder", ("tags", "XMP"), ""),
    ],
)
def test_a_conversion_marks_what_it_writes(
    tmp_path: Path, sample: Path, bundle: Path, name: str, written: tuple[str, ...], missing: str
) -> None:
    options = ConvertOptions(frame_range=FrameRange.parse("0:2"), marking=MarkSettings("tags"))
    summary = run_to_completion(
        convert(sample / "target_ada.mp4", bundle, tmp_path / name, options)
    )
    assert (summary.marks.written, " ".join(summary.marks.missing)) == (written, missing)
    (face,) = summary.identities
    out = tmp_path / name
    for file in sorted(out.iterdir()) if out.is_dir() else [out]:
        found = verify(file)
        assert found.verdict == "unsigned"
        assert found.sentences == (DisclosureMark((face,)).sentence(),)
        assert [one.faces for one in found.xmp] == ([(face,)] if "XMP" in written else [])


def test_the_users_comment_stays(tmp_path: Path, sample: Path, bundle: Path) -> None:
    with (
        av.open(str(sample / "target_ada.mp4")) as source,
        av.open(str(tmp_path / "in.mp4"), "w") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata["comment"] = "filmed at home"
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    options = ConvertOptions(frame_range=FrameRange.parse("0:2"), marking=MarkSettings("tags"))
    run_to_completion(convert(tmp_path / "in.mp4", bundle, tmp_path / "out.mp4", options))
    tags = verify(tmp_path / "out.mp4").tags
    assert tags["comment"] == "filmed at home"
    assert tags["description"].startswith(SENTENCE_PREFIX)


def test_off_is_said_and_leaves_nothing(
    tmp_path: Path, sample: Path, bundle: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "out.mp4"
    arguments = (
        "convert",
        sample / "target_ada.mp4",
        "--bundle",
        bundle,
        "--out",
        out,
        "--range",
        "0:2",
    )
    code, said, _ = faceloom(*arguments, "--provenance", "off")
    assert code == 0
    assert "Not marked. --provenance off" in said
    assert verify(out).verdict == "unmarked"
    assert SENTENCE_PREFIX.encode() not in out.read_bytes()


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (lambda folder: make_clip(folder / "clip.mp4", wave_images(2)), 9, "proves nothing"),
        (lambda folder: folder / "none.mp4", 2, "is no file"),
        (lambda folder: _text(folder / "a.mp4", b"no video"), 5, "no video or picture"),
        (lambda folder: _text(folder / "a.mp4", b""), 5, "no video or picture"),
        (
            lambda folder: _marked_picture(folder / "a.png"),
            11,
            "nothing tells whether it was changed",
        ),
    ],
)
def test_verify_ends_with_a_code_for_scripts(
    tmp_path: Path,
    faceloom: Callable[..., tuple[int, str, str]],
    make: Callable[[Path], Path],
    code: int,
    said: str,
) -> None:
    found, out, err = faceloom("verify", make(tmp_path))
    assert found == code
    assert said in out + err


def _text(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _marked_picture(path: Path) -> Path:
    mark_file(picture(path), "tags")
    return path


def test_no_code_means_two_things() -> None:
    codes = {error.exit_code for error in FaceloomError.__subclasses__()} | {1}
    assert codes.isdisjoint(EXIT_CODES.values())
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceloom.provenance.mark_writer.is_installed", lambda: False)
    marked = MarkWriter.open(MarkSettings(), tmp_path / "a.png").run_to_completion(
        picture(tmp_path / "a.png"), DisclosureMark((BEN,)), tmp_path
    )
    assert marked.written == ("tags", "XMP")
    assert "pip install 'faceloom[provenance]'" in str(marked)


@pytest.mark.parametrize(
    ("marking", "error"),
    [
        (MarkSettings("full", Path("a.pem"), None), UsageError),
        (MarkSettings("tags", Path("a.pem"), Path("k.pem")), UsageError),
        (
            MarkSettings("full", Path("a.pem"), Path("k.pem")),
            UsageError if HAS_C2PA else ProviderMissing,
        ),
    ],
)
def test_a_certificate_that_cannot_sign_is_refused_before_the_work(
    marking: MarkSettings, error: type[Exception]
) -> None:
    with pytest.raises(error):
        MarkWriter.open(marking, Path("out.mp4"))


@needs_c2pa
def test_a_signed_output_is_intact_until_a_byte_is_another(tmp_path: Path, swapped: Path) -> None:
    found = verify(swapped)
    assert found.verdict == "intact"
    assert found.credentials is not None
    assert (found.credentials.state, found.credentials.actions) == (
        "Trusted",
        ("c2pa.opened", "c2pa.edited"),
    )
    assert found.credentials.ingredients == ("target_ada.mp4",)
    data = swapped.read_bytes()
    for at in (len(data) // 4, len(data) // 2, len(data) - 300):
        flipped = tmp_path / "flipped.mp4"
        flipped.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert verify(flipped).verdict == "damaged"


@needs_c2pa
def test_verify_tells_the_signed_from_the_remuxed(
    tmp_path: Path, swapped: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    assert faceloom("verify", swapped, "--json")[0] == 0
    code, said, _ = faceloom("verify", remuxed(swapped, tmp_path / "remuxed.mp4"))
    assert code == 11
    assert "C2PA" not in said


@needs_c2pa
@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "out.mp4",
            "out.mp4 (with credentials, signed by Faceloom on this machine, Faceloom, self-signed)",
        ),
        ("out.mkv", "out.mkv"),
        ("folder", "folder"),
    ],
)
def test_the_inputs_own_credentials_are_kept(
    tmp_path: Path, swapped: Path, source: str, told: str
) -> None:
    remuxed(swapped, tmp_path / "out.mkv")
    (tmp_path / "out.mp4").write_bytes(swapped.read_bytes())
    (tmp_path / "folder").mkdir()
    out = make_clip(tmp_path / "twice.mp4", wave_images(2))
    MarkWriter.open(MarkSettings(), out).run_to_completion(
        out, DisclosureMark((BEN,)), tmp_path / source
    )
    found = verify(out)
    assert found.verdict == "intact"
    assert found.credentials is not None
    assert found.credentials.ingredients == (told,)


@needs_c2pa
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_stills_are_signed(tmp_path: Path, name: str) -> None:
    assert mark_file(picture(tmp_path / name))[-2:] == ("XMP", "C2PA")
    assert verify(tmp_path / name).verdict == "intact"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@needs_c2pa
def test_a_stranger_is_valid_and_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png")
    with monkeypatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
        mark_file(path)
        anchors = signing_key_folder() / "certificate.pem"
    states = [verify(path, given).credentials for given in (None, anchors)]
    assert [found and found.state for found in states] == ["Valid", "Trusted"]
    for content in (b"", b"\xff no PEM"):
        with pytest.raises(UsageError, match="holds no certificate"):
            verify(path, _text(tmp_path / "anchors.pem", content))
    # What stands between certificates is anybody's.
    _text(tmp_path / "anchors.pem", b"# Autorit\xe9\n" + anchors.read_bytes())
    found = verify(path, tmp_path / "anchors.pem").credentials
    assert found is not None
    assert found.state == "Trusted"


@needs_c2pa
def test_the_key_is_made_once_and_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    key = local_key()
    assert local_key() == key
    assert (signing_key_folder() / "key.pem").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in signing_key_folder().parent.iterdir()] == ["signing"]
    (signing_key_folder() / "key.pem").chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        local_key()


@needs_c2pa
def test_another_key_than_the_certificates_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
        local_key()
        paths.append(signing_key_folder())
    assert read_key(paths[0] / "certificate.pem", paths[0] / "key.pem").algorithm == "es256"
    with pytest.raises(UsageError, match="is not the key of"):
        read_key(paths[0] / "certificate.pem", paths[1] / "key.pem")


@needs_c2pa
def test_without_the_extra_credentials_are_said_to_be_there(
    swapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceloom.provenance.credentials.is_installed", lambda: False)
    with pytest.raises(ProviderMissing, match="has C2PA credentials"):
        verify(swapped)


def test_standard_output_is_marked_too(
    monkeypatch: pytest.MonkeyPatch, sample: Path, bundle: Path
) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(
        "sys.stdout", type("Out", (), {"buffer": buffer, "isatty": lambda self: False})()
    )
    options = ConvertOptions(frame_range=FrameRange.parse("0:2"))
    summary = run_to_completion(convert(sample / "target_ada.mp4", bundle, Path("-"), options))
    assert summary.marks.written == ("tags",)
    assert SENTENCE_PREFIX.encode() in buffer.getvalue()


def test_replacing_output_is_what_is_signed(tmp_path: Path) -> None:
    """A mark that fails leaves neither the output nor a part of it."""
    marker = MarkWriter.open(MarkSettings("tags"), tmp_path / "a.jpg")
    many = DisclosureMark(
        tuple(SwappedIdentity(f"{number:0100}", "0" * 64) for number in range(400))
    )
    with pytest.raises(MediaUnreadable), atomic_output(tmp_path / "a.jpg") as part:
        part.write_bytes(cv2.imencode(".jpg", wave_images(1)[0])[1].tobytes())
        marker.run_to_completion(part, many, tmp_path)
    assert list(tmp_path.iterdir()) == []
