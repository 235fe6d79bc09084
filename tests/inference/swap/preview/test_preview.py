"""The preview, the images of one frame and the list of tracks agree with a conversion."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.swapping import SwapRun

from faceloom.choices import MarkLevel
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.temporal_smoothing import smooth_alignment
from faceloom.image_io import read_picture, write_png
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings, SwappedIdentity, VisibleLabel, verify
from faceloom.provenance.credentials import is_installed
from faceloom.swap import ConvertOptions, SwapSource
from faceloom.swap.preview import list_tracks, preview, write_frame_debug, write_preview
from faceloom.swap.preview.contact_sheet import CELL_SIDE
from faceloom.video import probe_source, probe_video, read_frames
from faceloom.video.frame_sampling import frame_index_at, read_frames_at, uniform_sample_times

BEN = SwappedIdentity("ben", "b" * 64)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SwapSource:
    """A bundle that inverts the face."""
    bundle = make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")
    source = SwapSource.from_bundle(bundle, ConvertOptions(provider="cpu"))
    return replace(source, identities=(BEN,))


def halved(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Twenty frames: ten with one face, four without a face, six with two faces."""
    pictures = [halved(f.rgb) for f in read_frames(sample / "target_ada.mp4") if f.index < 16]
    other = [halved(f.rgb) for f in read_frames(sample / "target_ben.mp4") if f.index < 6]
    empty = np.full_like(other[0], 90)
    wide = [np.concatenate([picture, empty], 1) for picture in pictures[:10]]
    wide += [np.concatenate([empty, empty], 1)] * 4
    wide += [np.concatenate(pair, 1) for pair in zip(pictures[10:], other, strict=True)]
    return make_clip(tmp_path_factory.mktemp("clips") / "two.mp4", wide)


def test_a_preview_shows_the_frames_with_a_face(
    tmp_path: Path, clip: Path, source: SwapSource
) -> None:
    summary = run_to_completion(
        write_preview(clip, source, tmp_path / "sheet.png", ConvertOptions())
    )
    assert summary.frames_examined == 12
    assert len(summary.times) == 6
    assert not any(0.4 <= time < 0.56 for time in summary.times)
    sheet = read_picture(tmp_path / "sheet.png")
    height = sheet.shape[0] // 6
    assert sheet.shape[1] == 6 * CELL_SIDE
    # The rows between are --color none, lab, rct and histogram.
    target, unmatched, swap, *_, mask = (
        sheet[row * height : row * height + CELL_SIDE, :CELL_SIDE] for row in range(6)
    )
    labels = [sheet[row * height + CELL_SIDE : (row + 1) * height] for row in range(6)]
    assert len({label.tobytes() for label in labels}) == 6
    assert np.abs(unmatched.astype(int) - swap).max() > 10
    middle = slice(CELL_SIDE // 2 - 20, CELL_SIDE // 2 + 20)
    assert np.abs(swap[middle, middle].astype(int) - target[middle, middle]).mean() > 25
    assert np.abs(swap[:10].astype(int) - target[:10]).mean() < 4
    assert (mask[middle, middle, 1].astype(int) - mask[middle, middle, 0]).mean() > 20
    assert list(tmp_path.iterdir()) == [tmp_path / "sheet.png"]


@pytest.mark.long
def test_a_frame_equals_the_conversion_s_frame(
    tmp_path: Path, clip: Path, source: SwapSource
) -> None:
    options = ConvertOptions(color="rct", select="all")
    frames = [replace(frame, rgb=frame.rgb.copy()) for frame in read_frames(clip)]
    finder = FaceFinder()
    smoothed = smooth_alignment(
        [(frame, finder.find([frame.rgb])[0]) for frame in frames], fill_gaps=True
    )
    converted = [frame.rgb for frame in SwapRun(source.identity_map, options).swap(list(smoothed))]
    for place, index, faces in (("7", 7, 1), ("0.64s", 16, 2)):
        folder = tmp_path / place
        summary = run_to_completion(write_frame_debug(clip, source, place, folder, options))
        assert (summary.frame, summary.faces) == (index, faces)
        np.testing.assert_array_equal(read_picture(folder / "swap.png"), converted[index])
        steps = [file.name.partition("_")[2] for file in sorted(folder.glob("face0_*"))]
        assert steps == [
            "1_crop.png", "2_network_input.png", "3_prediction.png", "4_learned_mask.png",
            "5_mesh_mask.png", "6_combined_mask.png", "7_feathered_mask.png", "8_matched.png",
            "9_target_regions.png",
        ]  # fmt: skip
        assert len(list(folder.glob("face*"))) == 9 * faces
        crop = read_picture(folder / "face0_1_crop.png")
        prediction = read_picture(folder / "face0_3_prediction.png")
        np.testing.assert_array_equal(prediction, 255 - crop)
        assert (folder / "sheet.png").is_file()


@pytest.mark.parametrize(
    "level",
    ["full", *(pytest.param(level, marks=pytest.mark.exhaustive) for level in ("tags", "off"))],
)
@pytest.mark.long
def test_only_images_with_a_swapped_face_are_marked(
    tmp_path: Path, clip: Path, source: SwapSource, level: MarkLevel
) -> None:
    options = ConvertOptions(marking=MarkSettings(level))
    sheet = run_to_completion(write_preview(clip, source, tmp_path / "sheet.png", options))
    frame = run_to_completion(write_frame_debug(clip, source, "7", tmp_path / "one", options))
    verified = {
        file.name: verify(file) for file in (tmp_path / "sheet.png", *(tmp_path / "one").iterdir())
    }
    swapped = {"sheet.png", "swap.png", "face0_3_prediction.png", "face0_8_matched.png"}
    signed = level == "full" and is_installed()
    verdict = "valid" if signed else "unmarked" if level == "off" else "unsigned"
    assert {name: result.verdict for name, result in verified.items()} == {
        name: verdict if name in swapped else "unmarked" for name in verified
    }
    assert swapped < verified.keys()
    formats = {
        "full": ("tags", "XMP", "C2PA")[: 3 if signed else 2],
        "tags": ("tags", "XMP"),
        "off": (),
    }[level]
    assert sheet.marks.formats == frame.marks.formats == formats
    if level != "off":
        assert verified["swap.png"].xmp[0].identities == (BEN,)


@pytest.mark.long
def test_the_label_is_visible_on_the_sheets_and_the_frame(
    tmp_path: Path, clip: Path, source: SwapSource
) -> None:
    for name, label in (
        ("with", VisibleLabel("AI: face replaced", "top-right")),
        ("without", None),
    ):
        options = ConvertOptions(label=label, marking=MarkSettings("off"))
        run_to_completion(write_preview(clip, source, tmp_path / name / "preview.png", options))
        run_to_completion(write_frame_debug(clip, source, "7", tmp_path / name / "one", options))
    differ = {}
    for file in sorted((tmp_path / "with").rglob("*.png")):
        pair = (
            read_picture(file),
            read_picture(tmp_path / "without" / file.relative_to(tmp_path / "with")),
        )
        differ[file.name] = np.abs(np.subtract(*pair, dtype=int)).max(2) > 40
    assert {name for name, where in differ.items() if where.any()} == {
        "preview.png",
        "sheet.png",
        "swap.png",
    }
    for name in ("preview.png", "swap.png"):
        rows, columns = np.nonzero(differ[name])
        height, width = differ[name].shape
        assert rows.max() < height / 4
        assert columns.min() > width / 4


def test_listed_tracks_can_be_selected(tmp_path: Path, clip: Path, source: SwapSource) -> None:
    summary = run_to_completion(list_tracks(clip, tmp_path / "sheet.png"))
    rows = {row.track: (row.first_frame, row.last_frame, row.frames) for row in summary.tracks}
    assert rows == {0: (0, 9, 10), 1: (14, 19, 6), 2: (14, 19, 6)}
    assert len(summary.to_text().splitlines()) == 4
    assert read_picture(tmp_path / "sheet.png").shape[1] == 3 * CELL_SIDE
    swapped = run_to_completion(
        write_frame_debug(clip, source, "16", tmp_path / "one", ConvertOptions(select="track:2"))
    )
    assert swapped.faces == 1


@pytest.mark.parametrize(
    ("place", "select", "error", "message"),
    [
        ("20", None, UsageError, "no frame 20"),
        ("9s", None, UsageError, "ends before 9"),
        ("soon", None, UsageError, "is not a frame"),
        ("-1", None, UsageError, "is not a frame"),
        ("nans", None, UsageError, "is not a frame"),
        ("12", None, NoFaceFound, "No face was found|None of the faces"),
        ("3", "track:2", NoFaceFound, "has no track 2"),
    ],
)
def test_a_missing_frame_or_face_is_refused(
    tmp_path: Path,
    clip: Path,
    source: SwapSource,
    place: str,
    select: str | None,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        run_to_completion(
            write_frame_debug(clip, source, place, tmp_path / "one", ConvertOptions(select=select))
        )
    assert list(tmp_path.iterdir()) == []


def test_a_frame_is_written_to_a_folder(tmp_path: Path, clip: Path, source: SwapSource) -> None:
    with pytest.raises(UsageError, match=r"folder of pictures.*such as .*one\."):
        run_to_completion(
            write_frame_debug(clip, source, "3", tmp_path / "one.png", ConvertOptions())
        )
    assert list(tmp_path.iterdir()) == []


def test_an_impossible_preview_is_refused(
    tmp_path: Path, clip: Path, source: SwapSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "_EXAMINED", 2)
    with pytest.raises(UsageError, match="single frames"):
        run_to_completion(
            write_preview(clip, source, tmp_path / "sheet.png", ConvertOptions(select="track:0"))
        )
    empty = make_clip(tmp_path / "empty.mp4", wave_images(1))
    with pytest.raises(NoFaceFound, match=r"empty\.mp4"):
        run_to_completion(write_preview(empty, source, tmp_path / "sheet.png", ConvertOptions()))
    with pytest.raises(UsageError, match="must be a PNG"):
        run_to_completion(write_preview(clip, source, tmp_path / "sheet.jpg", ConvertOptions()))
    assert list(tmp_path.iterdir()) == [empty]


def test_sample_times_cover_the_whole_video(clip: Path) -> None:
    info = probe_video(clip)
    times = uniform_sample_times(info, 4)
    np.testing.assert_allclose(times, [0.1, 0.3, 0.5, 0.7], atol=0.02)
    frames = list(read_frames(clip))
    for frame, time in zip(read_frames_at(info, [*times, 99.0]), [*times, 99.0], strict=True):
        expected = [each for each in frames if each.seconds <= time][-1]
        assert frame.pts == expected.pts
        np.testing.assert_array_equal(frame.rgb, expected.rgb)
    assert [frame_index_at(info, seconds) for seconds in (0, 0.3, 0.32)] == [0, 8, 8]
    assert uniform_sample_times(replace(info, duration=None, frame_count=None), 4) == [0.0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """The clip as a folder of pictures, at 25 frames per second."""
    folder = tmp_path_factory.mktemp("pictures")
    for frame in read_frames(clip):
        write_png(folder / f"{frame.index:04}.png", frame.rgb)
    return folder


@pytest.mark.long
def test_a_folder_of_pictures_gives_the_same_previews_as_a_video(
    tmp_path: Path, clip: Path, pictures: Path, source: SwapSource
) -> None:
    options = ConvertOptions()
    previews = [
        run_to_completion(write_preview(path, source, tmp_path / f"{path.name}.png", options))
        for path in (clip, pictures)
    ]
    assert previews[0].times == previews[1].times
    frames = [
        run_to_completion(
            write_frame_debug(path, source, "0.3s", tmp_path / f"{path.name}_frame", options)
        )
        for path in (clip, pictures)
    ]
    assert [frame.frame for frame in frames] == [8, 8]
    swapped = [read_picture(frame.folder / "swap.png").astype(int) for frame in frames]
    assert np.abs(swapped[0] - swapped[1]).mean() < 0.5
    assert (
        run_to_completion(list_tracks(pictures)).tracks
        == run_to_completion(list_tracks(clip)).tracks
    )


@pytest.mark.parametrize(
    ("seconds", "index"), [(0, 0), (0.27, 7), (0.28, 7), (0.281, 8), (0.76, 19)]
)
def test_times_give_the_same_frame_in_a_video_and_in_pictures(
    clip: Path, pictures: Path, seconds: float, index: int
) -> None:
    assert [frame_index_at(probe_source(path), seconds) for path in (clip, pictures)] == [
        index,
        index,
    ]


def test_a_time_after_the_last_picture_is_refused(pictures: Path) -> None:
    with pytest.raises(UsageError, match="ends before"):
        frame_index_at(probe_source(pictures), 0.8)
