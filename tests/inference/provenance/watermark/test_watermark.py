"""The watermark's code corrects errors, and the watermark is found in changed copies."""

from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle

from faceloom.array_types import Mask, Rgb
from faceloom.errors import UsageError
from faceloom.faces.alignment import WHOLE_FACE_TEMPLATE, CropGeometry
from faceloom.faces.face_finder import FaceFinder
from faceloom.progress import run_to_completion
from faceloom.provenance import DisclosureMark, MarkSettings, SwappedIdentity, verify
from faceloom.provenance.watermark import WatermarkEmbedder
from faceloom.provenance.watermark.carriers import carriers, to_chips, to_pattern
from faceloom.provenance.watermark.detection import FaceAverage, read_grid
from faceloom.provenance.watermark.payload import (
    FINGERPRINT_BITS,
    decode,
    encode,
    similarity,
    similarity_bound,
)
from faceloom.provenance.watermark.search import FOUND_SIMILARITY, find_watermark
from faceloom.swap import ConvertOptions, convert
from faceloom.video import read_frames

FINGERPRINT = 0xC0FFEE42
GEOMETRY = CropGeometry(size=256, coverage=0.9)
# Correlation of the chips in standard deviations of the noise at which 95 % of the payloads are
# decoded (measured with 40).
DECODABLE = 10


def synthetic_face(seed: int, side: int = 400) -> tuple[Rgb, np.ndarray]:
    """Return a picture with a texture like skin, and the five points of the face in it."""
    noise = np.random.default_rng(seed).normal(0, 1, (side, side)).astype(np.float32)
    coarse, fine = cv2.GaussianBlur(noise, (0, 0), 12), cv2.GaussianBlur(noise, (0, 0), 1.5)
    luma = 140 + 20 * coarse / coarse.std() + 2 * fine / fine.std()
    picture = cv2.cvtColor(np.clip(luma, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)
    return picture, np.float32(WHOLE_FACE_TEMPLATE) * side - 0.5


def mark(picture: Rgb, points: np.ndarray, mask: Mask | None = None) -> Rgb:
    marked = picture.copy()
    mask = np.full((256, 256), 255, np.uint8) if mask is None else mask
    frame_to_crop = GEOMETRY.frame_to_crop(points)
    WatermarkEmbedder(FINGERPRINT).embed(marked, mask, frame_to_crop, GEOMETRY)
    return marked


@pytest.mark.parametrize("fingerprint", [0, 1, 2**31, 2**32 - 1, FINGERPRINT])
def test_decodes_what_was_encoded(fingerprint: int) -> None:
    assert decode(3 * encode(fingerprint)) == fingerprint


def test_code_has_its_free_distance() -> None:
    zero = encode(0)
    messages = (
        1 + sum(1 << bit for bit in bits)
        for count in range(4)
        for bits in combinations(range(1, 12), count)
    )
    # 24, the free distance, times six repetitions.
    assert min(int((encode(message) != zero).sum()) for message in messages) == 144


def test_decodes_noisy_chips() -> None:
    random = np.random.default_rng(5)
    decoded = 0
    for _ in range(8):
        fingerprint = int(random.integers(2**FINGERPRINT_BITS))
        chips = encode(fingerprint)
        noisy = chips * np.float32(DECODABLE / len(chips) ** 0.5) + random.normal(0, 1, len(chips))
        decoded += decode(noisy.astype(np.float32)) == fingerprint
    assert decoded >= 6


@pytest.mark.parametrize("strength", [0, 3, 6, 9])
def test_bound_of_the_similarity(strength: float) -> None:
    random, fingerprint = np.random.default_rng(strength), FINGERPRINT + strength
    noisy = strength * encode(fingerprint) / len(encode(0)) ** 0.5
    noisy = (noisy + random.normal(0, 1, len(noisy))).astype(np.float32)
    best, bound = similarity(noisy, decode(noisy)), similarity_bound(noisy)
    assert best - 1e-4 <= bound < best + 2


def test_weak_reading_is_not_decoded() -> None:
    grid = np.random.default_rng(3).normal(0, 1, (128, 128)).astype(np.float32)
    reading = read_grid(grid)
    assert 5 < reading.similarity < FOUND_SIMILARITY
    assert read_grid(grid, 5) == reading
    assert read_grid(grid, FOUND_SIMILARITY).similarity == 0


def test_similarity_of_noise_is_in_standard_deviations() -> None:
    random = np.random.default_rng(0)
    chips = random.normal(0, 7, (400, len(encode(0)))).astype(np.float32)
    values = [similarity(row, FINGERPRINT) for row in chips]
    assert np.std(values) == pytest.approx(1, abs=0.15)


def test_pattern_has_the_signs_of_its_chips() -> None:
    chips = encode(FINGERPRINT)
    read = to_chips(to_pattern(chips))
    assert (np.sign(read) == chips).mean() > 0.9


def test_carriers_are_the_same_on_every_machine() -> None:
    places, signs = carriers()
    assert len({tuple(place) for place in places.tolist()}) == len(places) == 1024
    assert places[:2].tolist() == [[16, 38], [7, 27]]
    assert signs.sum() == 2


def test_found_in_a_copy_of_half_size() -> None:
    average = FaceAverage()
    for seed in range(6):
        picture, points = synthetic_face(seed)
        small = cv2.resize(
            mark(picture, points), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
        )
        average.add(small, points / 2 - 0.25)
    reading = average.read()
    assert reading.fingerprint == FINGERPRINT
    assert reading.similarity > FOUND_SIMILARITY


@pytest.mark.parametrize("change", ["shifted", "turned", "mirrored", "brighter"])
def test_found_in_a_changed_copy(change: str) -> None:
    average = FaceAverage()
    for seed in range(4):
        picture, points = synthetic_face(seed)
        marked = mark(picture, points)
        if change == "shifted":
            points = points + np.float32([5, -4])
        elif change == "turned":
            turn = cv2.getRotationMatrix2D((200, 200), 1.4, 1.03)
            points = (points @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
        elif change == "mirrored":
            # The face's left eye is its right eye in the mirror.
            marked = np.ascontiguousarray(marked[:, ::-1])
            points = (points * [-1, 1] + [marked.shape[1] - 1, 0])[[1, 0, 2, 4, 3]]
        else:
            marked = cv2.convertScaleAbs(marked, alpha=1.25)
        average.add(marked, points.astype(np.float32))
    reading = average.read()
    assert (reading.fingerprint, reading.similarity > FOUND_SIMILARITY) == (FINGERPRINT, True)


def test_not_found_in_unmarked_faces() -> None:
    for first in range(0, 24, 4):
        average = FaceAverage()
        for seed in range(first, first + 4):
            average.add(*synthetic_face(seed))
        assert average.read(FOUND_SIMILARITY).similarity < FOUND_SIMILARITY


def test_changes_little_and_only_inside_the_mask() -> None:
    picture, points = synthetic_face(0)
    mask = np.zeros((256, 256), np.uint8)
    mask[:, :128] = 255
    marked = mark(picture, points, mask)
    changed = (marked.astype(int) - picture)[..., 0]
    # The mask ends at the middle of the face, column 199.
    assert not changed[:, 210:].any()
    inside = changed[120:320, 120:195]
    # A PSNR of 41 to 46 dB in the middle of the face, where the pattern is strongest.
    assert 1.3 < np.sqrt((inside**2).mean()) < 2.3


def test_face_that_agrees_with_the_pattern_gets_less_of_it() -> None:
    picture, points = synthetic_face(0)
    once = mark(picture, points)
    twice = mark(once, points)
    first, second = (
        np.square(after.astype(float) - before).mean()
        for before, after in ((picture, once), (once, twice))
    )
    assert second < 0.5 * first


def test_pattern_is_weaker_where_the_face_has_detail_of_its_own() -> None:
    picture, points = synthetic_face(0)
    stripes = 40 * (np.arange(picture.shape[0]) // 3 % 2)
    picture[:200] = np.clip(picture[:200] - stripes[:200, None, None], 0, 255)
    change = np.square(mark(picture, points).astype(float) - picture)
    assert change[140:190, 150:250].mean() < 0.3 * change[220:290, 150:250].mean()


def test_flat_part_of_a_noisy_face_is_not_mottled() -> None:
    picture, points = synthetic_face(0)
    noise = np.random.default_rng(1).normal(128, 60, picture.shape[:2])
    picture[:] = np.clip(noise, 0, 255)[..., None]
    cv2.circle(picture, (190, 230), 30, (128, 128, 128), -1)
    change = mark(picture, points).astype(int) - picture
    assert 2 < np.abs(change[205:255, 165:215]).max() < 25


def test_small_faces_are_left_alone() -> None:
    picture, points = synthetic_face(0)
    marked = mark(picture, points * 0.2)
    assert (marked == picture).all()


def test_no_watermark_in_an_unmarked_file(sample: Path) -> None:
    assert find_watermark(sample / "target_ada.mp4") is None


def write_video(path: Path, pictures: list[Rgb], crf: int = 23) -> Path:
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.height, stream.width = pictures[0].shape[:2]
        for picture in pictures:
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def large_sample(sample: Path) -> list[tuple[Rgb, np.ndarray]]:
    """Frames of the sample, whose face is small, enlarged; each with the face's five points."""
    frames = read_frames(sample / "target_ada.mp4", stop=8)
    pictures = [cv2.resize(frame.rgb, None, fx=3, fy=3) for frame in frames]
    return [
        (picture, faces[0].points_xy)
        for picture, faces in zip(pictures, FaceFinder().find(pictures), strict=True)
    ]


def test_verify_finds_the_watermark_of_a_video_without_tags(
    tmp_path: Path, large_sample: list[tuple[Rgb, np.ndarray]]
) -> None:
    path = write_video(tmp_path / "a.mp4", [mark(*face) for face in large_sample])
    report = verify(path, pixels=True)
    assert report.verdict == "watermarked"
    assert report.watermark is not None
    assert report.watermark.fingerprint == f"{FINGERPRINT:08x}"
    assert f"watermark {FINGERPRINT:08x}" in report.to_text()
    assert verify(path).verdict == "unmarked", "pixels are searched on request"


def test_found_in_a_small_copy_with_strong_compression(
    tmp_path: Path, large_sample: list[tuple[Rgb, np.ndarray]]
) -> None:
    # The faces have 390 pixels, those of the copy 130.
    pictures = [
        cv2.resize(mark(*face), (320, 320), interpolation=cv2.INTER_AREA) for face in large_sample
    ]
    path, average = write_video(tmp_path / "a.mp4", pictures, crf=28), FaceAverage()
    for frame, (_, points) in zip(read_frames(path), large_sample, strict=True):
        average.add(frame.rgb, ((points + 0.5) / 3 - 0.5).astype(np.float32))
    reading = average.read()
    assert reading.fingerprint == FINGERPRINT
    assert reading.similarity > FOUND_SIMILARITY + 1


def test_a_conversion_marks_pixels_and_states_the_fingerprint(
    tmp_path: Path, large_sample: list[tuple[Rgb, np.ndarray]]
) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    target = write_video(tmp_path / "target.mp4", [picture for picture, _ in large_sample])
    options = ConvertOptions(marking=MarkSettings("tags", watermark=True))
    run_to_completion(convert(target, bundle, tmp_path / "out.mp4", options))
    report, average = verify(tmp_path / "out.mp4"), FaceAverage()
    # The test's bundle inverts faces, so the target's landmarks are used.
    for frame, (_, points) in zip(read_frames(tmp_path / "out.mp4"), large_sample, strict=True):
        average.add(frame.rgb, points)
    reading = average.read()
    assert reading.similarity > FOUND_SIMILARITY
    assert [disclosure.watermark for disclosure in report.xmp] == [f"{reading.fingerprint:08x}"]
    assert f"Watermark: {reading.fingerprint:08x}." in report.sentences[0]


def test_a_watermark_without_other_marks_is_refused() -> None:
    mark = DisclosureMark((SwappedIdentity("ben", "b" * 64),))
    with pytest.raises(UsageError, match="--watermark"):
        MarkSettings("off", watermark=True).choose_mark(mark, Path("target.mp4"))


def test_fingerprint_depends_on_the_target_and_the_identities() -> None:
    settings = MarkSettings(watermark=True)
    marks = [DisclosureMark((SwappedIdentity("ben", digit * 64),)) for digit in "ab"]
    chosen = [
        settings.choose_mark(mark, Path(name)).watermark
        for mark in marks
        for name in ("one.mp4", "two.mp4")
    ]
    assert len(set(chosen)) == 4
    assert chosen[0] == settings.choose_mark(marks[0], Path("folder/one.mp4")).watermark
