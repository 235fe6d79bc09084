"""Outputs disclose the swap, and `verify` reports their marks and whether they are unchanged."""

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
from tests.helpers.disclosure_marks import BEN, mark_file, needs_c2pa

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
from faceloom.provenance.container_tags import build_tags, find_sentences
from faceloom.provenance.credentials import is_installed
from faceloom.provenance.disclosure_mark import SENTENCE_PREFIX, SOURCE_TYPE, parse_xmp
from faceloom.provenance.signing_key import local_key, read_key, signing_key_folder
from faceloom.provenance.xmp_embedding import embed_mark, read_xmp_packets
from faceloom.swap import ConvertOptions, convert
from faceloom.video import FrameRange
from faceloom.video.output import atomic_output

SPECIAL = SwappedIdentity(
    "ä \"<&>'\n名", "0" * 64, ConsentRecord(person='Ben "B"', basis="release <1>", note="ok & fine")
)
HAS_C2PA = is_installed()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory, sample: Path, bundle: Path) -> Path:
    """A conversion of six frames with all marks that this machine can write."""
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


def write_image(path: Path) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, wave_images(1)[0])[1].tobytes())
    return path


def remux(path: Path, out: Path) -> Path:
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata.update(source.metadata)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out


@pytest.mark.parametrize("identities", [(BEN,), (SPECIAL, BEN), ()])
def test_xmp_is_valid_xml_and_can_be_parsed(identities: tuple[SwappedIdentity, ...]) -> None:
    packet = DisclosureMark(identities).to_xmp()
    minidom.parseString(packet)
    disclosure = parse_xmp(packet)
    assert disclosure is not None
    assert (disclosure.source_type, len(disclosure.identities)) == (SOURCE_TYPE, len(identities))
    for parsed, identity in zip(disclosure.identities, identities, strict=True):
        assert (parsed.name, parsed.sha256) == (identity.name.replace("\n", " "), identity.sha256)
        assert str(parsed.consent or "") == str(identity.consent or "")


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
def test_packet_without_source_type_discloses_nothing(packet: bytes) -> None:
    assert parse_xmp(packet) is None


@pytest.mark.parametrize(
    "text",
    [
        f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"',
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt>",
    ],
)
def test_packet_of_another_program_is_parsed(text: str) -> None:
    disclosure = parse_xmp(text.encode())
    assert disclosure is not None
    assert (disclosure.source_type, disclosure.version) == (SOURCE_TYPE, None)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg", "a.webp"])
def test_marked_image_keeps_its_pixels(tmp_path: Path, name: str) -> None:
    path = write_image(tmp_path / name)
    before = cv2.imread(str(path))
    embed_mark(
        path, path.suffix, DisclosureMark((SPECIAL,)).to_xmp(), DisclosureMark((BEN,)).to_sentence()
    )
    assert np.array_equal(cv2.imread(str(path)), before)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).width == 128
    (packet,) = read_xmp_packets(path)
    assert packet == DisclosureMark((SPECIAL,)).to_xmp().split(b"<?xpacket end=")[0]
    assert find_sentences(path, {}) == (
        () if name == "a.webp" else (DisclosureMark((BEN,)).to_sentence(),)
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "filler", [b"<?xpacket begin=", f"{SENTENCE_PREFIX} ".encode(), b"<?xpacket end="]
)
def test_file_full_of_headers_is_searched_in_linear_time(tmp_path: Path, filler: bytes) -> None:
    path = tmp_path / "a.png"
    marks = DisclosureMark((BEN,)).to_xmp() + DisclosureMark((BEN,)).to_sentence().encode()
    path.write_bytes(filler * (8_000_000 // len(filler)) + b"\0" + marks)
    assert [parse_xmp(packet) is not None for packet in read_xmp_packets(path)] == [True]
    assert find_sentences(path, {}) == (DisclosureMark((BEN,)).to_sentence(),)


def test_lossless_webp_with_alpha_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    rgba = np.dstack([wave_images(1)[0], np.full((96, 128), 99, np.uint8)])
    path.write_bytes(cv2.imencode(".webp", rgba, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
    embed_mark(path, ".webp", DisclosureMark((BEN,)).to_xmp(), "")
    assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), rgba)
    assert len(list(read_xmp_packets(path))) == 1


def test_mark_too_long_for_a_jpeg_is_refused(tmp_path: Path) -> None:
    many = DisclosureMark(tuple(SwappedIdentity(f"{index:0100}", "0" * 64) for index in range(400)))
    with pytest.raises(MediaUnreadable, match="64 kB"):
        embed_mark(write_image(tmp_path / "a.jpg"), ".jpg", many.to_xmp(), many.to_sentence())


EARLIER_MARK = f"{SENTENCE_PREFIX} 0.0.1: something"


@pytest.mark.parametrize(
    ("suffix", "existing", "written"),
    [
        (".mp4", {}, {"comment"}),
        (".mp4", {"comment": "mine"}, {"description"}),
        (".mp4", {"COMMENT": "mine", "description": "mine"}, {"synopsis"}),
        (".mp4", {"comment": "mine", "description": "mine", "synopsis": "mine"}, set()),
        (".mp4", {"comment": EARLIER_MARK}, {"comment"}),
        (".mov", {"comment": "mine"}, {"description", "xmp"}),
        (".mkv", {}, {"FACELOOM", "comment"}),
        (".mkv", {"COMMENT": "mine"}, {"FACELOOM"}),
        (".webm", {"comment": "mine", "description": ""}, {"FACELOOM"}),
    ],
)
def test_tags_of_the_user_are_never_replaced(
    suffix: str, existing: dict[str, str], written: set[str]
) -> None:
    assert build_tags(DisclosureMark((BEN,)), suffix, existing).keys() == written


@pytest.mark.parametrize(
    ("name", "formats", "limitations"),
    [
        ("a.mp4", ("tags", "XMP"), ""),
        ("a.mov", ("tags", "XMP"), ""),
        ("a.mkv", ("tags",), "Matroska and WebM do not support XMP; use .mp4."),
        ("a.gif", ("tags", "XMP"), ""),
        ("folder", ("tags", "XMP"), ""),
    ],
)
@pytest.mark.long
def test_conversion_marks_its_output(
    tmp_path: Path,
    sample: Path,
    bundle: Path,
    name: str,
    formats: tuple[str, ...],
    limitations: str,
) -> None:
    options = ConvertOptions(frame_range=FrameRange.parse("0:2"), marking=MarkSettings("tags"))
    summary = run_to_completion(
        convert(sample / "target_ada.mp4", bundle, tmp_path / name, options)
    )
    assert (summary.marks.formats, " ".join(summary.marks.limitations)) == (formats, limitations)
    (identity,) = summary.identities
    out = tmp_path / name
    for file in sorted(out.iterdir()) if out.is_dir() else [out]:
        report = verify(file)
        assert report.verdict == "unsigned"
        assert report.sentences == (DisclosureMark((identity,)).to_sentence(),)
        assert [disclosure.identities for disclosure in report.xmp] == (
            [(identity,)] if "XMP" in formats else []
        )


def test_comment_of_the_source_is_kept(tmp_path: Path, sample: Path, bundle: Path) -> None:
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


def test_provenance_off_writes_no_mark_and_says_so(
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
    code, output, _ = faceloom(*arguments, "--provenance", "off")
    assert code == 0
    assert "Not marked. --provenance off" in output
    assert verify(out).verdict == "unmarked"
    assert SENTENCE_PREFIX.encode() not in out.read_bytes()


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda folder: make_clip(folder / "clip.mp4", wave_images(2)), 9, "proves nothing"),
        (lambda folder: folder / "none.mp4", 2, "is not a file"),
        (lambda folder: _write(folder / "a.mp4", b"text"), 5, "not a video or image"),
        (lambda folder: _write(folder / "a.mp4", b""), 5, "not a video or image"),
        (
            lambda folder: _write_marked_image(folder / "a.png"),
            11,
            "it may have been changed",
        ),
    ],
)
def test_verify_exits_with_a_code_for_its_verdict(
    tmp_path: Path,
    faceloom: Callable[..., tuple[int, str, str]],
    make: Callable[[Path], Path],
    code: int,
    message: str,
) -> None:
    exit_code, out, err = faceloom("verify", make(tmp_path))
    assert exit_code == code
    assert message in out + err


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _write_marked_image(path: Path) -> Path:
    mark_file(write_image(path), "tags")
    return path


def test_every_exit_code_has_one_meaning() -> None:
    codes = {error.exit_code for error in FaceloomError.__subclasses__()} | {1}
    assert codes.isdisjoint(EXIT_CODES.values())
    # Neither confirms the signature: one meaning for a program that only looks at the code.
    assert EXIT_CODES["unchecked"] == EXIT_CODES["invalid"]
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES) - 1


def test_missing_packages_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceloom.provenance.mark_writer.is_installed", lambda: False)
    marks = mark_file(write_image(tmp_path / "a.png"))
    assert marks.formats == ("tags", "XMP")
    assert "pip install 'faceloom[provenance]'" in str(marks)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (MarkSettings("full", Path("a.pem"), None), UsageError),
        (MarkSettings("tags", Path("a.pem"), Path("k.pem")), UsageError),
        (
            MarkSettings("full", Path("a.pem"), Path("k.pem")),
            UsageError if HAS_C2PA else ProviderMissing,
        ),
    ],
)
def test_invalid_certificate_settings_are_refused(
    settings: MarkSettings, error: type[Exception]
) -> None:
    with pytest.raises(error):
        MarkWriter.open(settings, Path("out.mp4"))


@needs_c2pa
def test_signed_output_is_valid_until_a_byte_changes(tmp_path: Path, swapped: Path) -> None:
    report = verify(swapped)
    assert report.verdict == "valid"
    assert report.credentials is not None
    assert (report.credentials.state, report.credentials.actions) == (
        "Trusted",
        ("c2pa.opened", "c2pa.edited"),
    )
    assert [str(source) for source in report.credentials.ingredients] == ["target_ada.mp4"]
    data = swapped.read_bytes()
    for offset in (len(data) // 4, len(data) // 2, len(data) - 300):
        flipped = tmp_path / "flipped.mp4"
        flipped.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])
        assert verify(flipped).verdict == "invalid"


@needs_c2pa
def test_remuxed_output_is_unsigned(
    tmp_path: Path, swapped: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    assert faceloom("verify", swapped, "--json")[0] == 0
    code, output, _ = faceloom("verify", remux(swapped, tmp_path / "remuxed.mp4"))
    assert code == 11
    assert "C2PA" not in output


@needs_c2pa
@pytest.mark.parametrize(
    ("source", "ingredient"),
    [
        (
            "out.mp4",
            "out.mp4 (with credentials, signed by Faceloom on this machine, Faceloom, self-signed)",
        ),
        ("out.mkv", "out.mkv"),
        ("folder", "folder"),
    ],
)
def test_credentials_of_the_input_are_kept(
    tmp_path: Path, swapped: Path, source: str, ingredient: str
) -> None:
    remux(swapped, tmp_path / "out.mkv")
    (tmp_path / "out.mp4").write_bytes(swapped.read_bytes())
    (tmp_path / "folder").mkdir()
    out = make_clip(tmp_path / "twice.mp4", wave_images(2))
    mark_file(out, source=tmp_path / source)
    report = verify(out)
    assert report.verdict == "valid"
    assert report.credentials is not None
    assert [str(source) for source in report.credentials.ingredients] == [ingredient]


@needs_c2pa
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_images_are_signed(tmp_path: Path, name: str) -> None:
    assert mark_file(write_image(tmp_path / name)).formats[-2:] == ("XMP", "C2PA")
    assert verify(tmp_path / name).verdict == "valid"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@needs_c2pa
def test_unknown_signer_is_valid_and_trusted_with_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_image(tmp_path / "a.png")
    with monkeypatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
        mark_file(path)
        anchors = signing_key_folder() / "certificate.pem"
    results = [verify(path, trusted).credentials for trusted in (None, anchors)]
    assert [result and result.state for result in results] == ["Valid", "Trusted"]
    for content in (b"", b"\xff not PEM"):
        with pytest.raises(UsageError, match="contains no certificate"):
            verify(path, _write(tmp_path / "anchors.pem", content))
    # Text between certificates may have any encoding.
    _write(tmp_path / "anchors.pem", b"# Autorit\xe9\n" + anchors.read_bytes())
    credentials = verify(path, tmp_path / "anchors.pem").credentials
    assert credentials is not None
    assert credentials.state == "Trusted"


@needs_c2pa
def test_key_is_created_once_and_readable_by_its_owner_only(
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
def test_key_of_another_certificate_is_refused(
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
def test_credentials_without_the_extra_are_reported(
    swapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceloom.provenance.credentials.is_installed", lambda: False)
    with pytest.raises(ProviderMissing, match="has C2PA credentials"):
        verify(swapped)


def test_standard_output_is_marked(
    monkeypatch: pytest.MonkeyPatch, sample: Path, bundle: Path
) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(
        "sys.stdout", type("Out", (), {"buffer": buffer, "isatty": lambda self: False})()
    )
    options = ConvertOptions(frame_range=FrameRange.parse("0:2"))
    summary = run_to_completion(convert(sample / "target_ada.mp4", bundle, Path("-"), options))
    assert summary.marks.formats == ("tags",)
    assert SENTENCE_PREFIX.encode() in buffer.getvalue()


def test_failed_mark_leaves_no_output(tmp_path: Path) -> None:
    writer = MarkWriter.open(MarkSettings("tags"), tmp_path / "a.jpg")
    many = DisclosureMark(tuple(SwappedIdentity(f"{index:0100}", "0" * 64) for index in range(400)))
    with pytest.raises(MediaUnreadable), atomic_output(tmp_path / "a.jpg") as part:
        part.write_bytes(cv2.imencode(".jpg", wave_images(1)[0])[1].tobytes())
        writer.write(part, many, tmp_path)
    assert list(tmp_path.iterdir()) == []
