"""Each host program pastes the face of a .dfm in the right place and changes nothing else.

The network predicts the same face for every input: flat skin with a green dot at each of the five
alignment points, in an elliptical mask, on brown. So each dot's place in a frame is known, and
which pixels change.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import keras
import numpy as np
import onnxruntime as ort
import pytest
from benchmarks.conversion.dfm_hosts import FirstFaces, FoundFace, open_host

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.alignment import CropGeometry, apply_affine, crop_face, umeyama
from faceloom.faces.face_finder import FaceFinder
from faceloom.video import read_frames
from faceloom_export.dfm.dfm_graph import build_dfm_function, to_dfm_model
from faceloom_export.dfm.host_crops import HOST_CROPS, CropWindow
from faceloom_export.dfm.host_programs import HostProgram
from faceloom_train.model.networks import Networks

pytestmark = pytest.mark.training

# The network's crop.
CROP = CropGeometry(size=96, coverage=1)
# A larger crop, in which the pasted faces are measured.
MEASURED = CropGeometry(size=256, coverage=1)
# Only each 40th frame of the clip is measured.
EVERY = 40
# Colors of the predicted face, its dots and its background, RGB in 0..1.
SKIN, DOTS, BACKGROUND = (0.75, 0.55, 0.45), (0.15, 0.85, 0.25), (0.35, 0.2, 0.1)
# Standard deviation of a dot, in sides of the crop.
DOT = 0.025
# Half of the side of the square in which a dot is searched, in sides of the crop.
REACH = 0.08
# Center and half axes of the mask, (x, y) in sides of the crop.
MASK_CENTER, MASK_AXES = (0.5, 0.55), (0.3, 0.38)
HOSTS: tuple[HostProgram, ...] = ("deepfacelive", "facefusion", "visomaster")


def distance_to_mask(size: int) -> np.ndarray:
    """Return each pixel's distance from the mask's center: 1 on the mask's border."""
    rows, columns = (np.mgrid[:size, :size].astype(np.float32) + 0.5) / size
    at = np.stack([columns, rows], -1)
    return np.linalg.norm((at - float32(MASK_CENTER)) / float32(MASK_AXES), axis=-1)


def drawn_face() -> np.ndarray:
    """Return the prediction of the network: RGB and mask in 0..1."""
    mask = np.clip(8 * (1 - distance_to_mask(CROP.size)), 0, 1)[..., None]
    rows, columns = np.mgrid[: CROP.size, : CROP.size]
    dots = np.zeros_like(mask)
    for x, y in CROP.template_xy():
        distance = np.hypot(columns - x, rows - y)[..., None] / (DOT * CROP.size)
        dots = np.maximum(dots, np.exp(-(distance**2) / 2))
    rgb = np.where(mask > 0, SKIN, BACKGROUND)
    return float32(np.concatenate([rgb + dots * (np.array(DOTS) - rgb), mask], -1))


def known_networks(drawn: np.ndarray) -> Networks:
    """Return networks with decoders that always predict a picture with a mask."""
    shape = (CROP.size, CROP.size, 3)
    faces, latent = keras.Input(shape), keras.Input(shape)
    encoder = keras.Model(faces, faces * 1.0)
    # 0 for every input. A factor of 0 would be optimized to a constant without a batch.
    nothing = keras.ops.relu(-latent[..., :1])
    decoder = keras.Model(latent, keras.ops.add(nothing, drawn))
    return Networks(encoder, encoder, (decoder, decoder), (decoder, decoder))


def known_dfm(host: HostProgram, drawn: np.ndarray, *, blends: bool) -> ort.InferenceSession:
    """Return the .dfm for a host program, built as the export does."""
    window = CropWindow.of(CROP, host)
    ones = np.ones((CROP.size, CROP.size), np.float32)
    function = build_dfm_function(known_networks(drawn), 0, 1, window, ones, blends=blends)
    model = to_dfm_model(function).SerializeToString()
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


@cache
def found_faces(clip: Path) -> list[tuple[Rgb, FoundFace, Points]]:
    """Return a few frames, the face as a program finds it, and our own alignment points."""
    program, ours = FirstFaces(), FaceFinder()
    found = []
    for frame in list(read_frames(clip))[::EVERY]:
        face, (own, *_) = program.find(frame.rgb), ours.find([frame.rgb])[0]
        assert face is not None
        found.append((frame.rgb, face, own.points_xy))
    return found


@dataclass(frozen=True)
class Shown:
    """How a host program pastes the face, over all frames."""

    scale: float
    """Size of the pasted face relative to the right size."""
    shift: float
    """Distance of its middle from the right place, in sides of the crop."""
    farthest: float
    """Distance of the worst dot from its place, in sides of the crop."""
    visible: float
    """Contrast of the weakest dot, relative to the drawn one."""
    changed: float
    """Share of the inside of the mask that differs from the target."""
    spilled: float
    """Mean difference to the target outside of the mask, in levels of 255."""


def greenness(rgb: np.ndarray) -> np.ndarray:
    """Return how green each pixel is, independent of its brightness."""
    return float32(rgb[..., 1]) - (float32(rgb[..., 0]) + rgb[..., 2]) / 2


def find_dots(crop: Rgb) -> tuple[Points, np.ndarray]:
    """Return the places of the dots in a crop, and the contrast of each in levels."""
    green, reach = greenness(crop), round(REACH * MEASURED.size)
    places, contrasts = [], []
    for x, y in np.rint(MEASURED.template_xy()).astype(int):
        part = green[y - reach : y + reach + 1, x - reach : x + reach + 1]
        weight = np.maximum(part - (np.median(part) + part.max()) / 2, 0)
        rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        center = [(weight * each).sum() / weight.sum() for each in (columns, rows)]
        places.append([x + center[0], y + center[1]])
        contrasts.append(part.max() - np.median(part))
    return float32(places), np.array(contrasts)


def measure(host: HostProgram, clip: Path, network: ort.InferenceSession) -> Shown:
    """Paste the face into each frame as a host program does, and measure it."""
    found = found_faces(clip)
    swap = open_host(host, [face for _, face, _ in found])
    distance = distance_to_mask(MEASURED.size)
    template, maps, errors, contrasts, changes = MEASURED.template_xy(), [], [], [], []
    for rgb, face, points in found:
        to_crop = MEASURED.frame_to_crop(points)
        crops = [
            crop_face(each, to_crop, MEASURED.size) for each in (rgb, swap(rgb, face, network))
        ]
        dots, contrast = find_dots(crops[1])
        maps.append(umeyama(template, dots))
        errors.append(np.linalg.norm(dots - template, axis=-1).max() / MEASURED.size)
        contrasts.append(contrast)
        changes.append(np.abs(float32(crops[1]) - crops[0]).mean(-1))
    mean_map, change = np.mean(maps, 0), np.stack(changes)
    middle = float32([[0.5, 0.5]]) * (MEASURED.size - 1)
    drawn_contrast = 255 * (greenness(np.array(DOTS)) - greenness(np.array(SKIN)))
    return Shown(
        scale=float(np.hypot(*mean_map[:, 0])),
        shift=float(np.linalg.norm(apply_affine(float32(mean_map), middle) - middle))
        / MEASURED.size,
        farthest=float(np.mean(errors)),
        visible=float(np.mean(contrasts, 0).min() / drawn_contrast),
        changed=float((change[:, distance < 0.8] > 4).mean()),
        spilled=float(change[:, distance > 1.3].mean()),
    )


@dataclass(frozen=True)
class Limits:
    """Limits of the errors of a pasted face: about twice those of the person in the clip."""

    scale: float
    """Largest difference of the size from the right size, as a part of it."""
    shift: float
    """Largest distance of the middle from the right place, in sides of the crop."""
    visible: float
    """Least contrast of a dot, relative to the drawn one: programs blend, blur and match colors."""


# A host program's crop is a mean over people, so that no person's face fits exactly.
LIMITS: dict[HostProgram, Limits] = {
    "deepfacelive": Limits(0.012, 0.005, 0.2),
    "facefusion": Limits(0.02, 0.011, 0.5),
    "visomaster": Limits(0.02, 0.013, 0.7),
}


def faults(host: HostProgram, shown: Shown) -> set[str]:
    """Return the properties of a pasted face that are wrong."""
    limits = LIMITS[host]
    checks = {
        "size": abs(shown.scale - 1) < limits.scale,
        "place": shown.shift < limits.shift,
        "dots": shown.farthest < 0.02 and shown.visible > limits.visible,
        "mask": shown.changed > 0.95,
        "square": shown.spilled < 0.5,
    }
    return {name for name, right in checks.items() if not right}


def faults_of(
    host: HostProgram, clip: Path, *, mask: np.ndarray | None = None, pastes: bool = True
) -> set[str]:
    """Return what is wrong with the pasted face of a known .dfm, with its own or another mask."""
    drawn = drawn_face()
    if mask is not None:
        drawn[..., 3:] = mask
    blends = pastes and HOST_CROPS[host].ignores_masks
    return faults(host, measure(host, clip, known_dfm(host, drawn, blends=blends)))


@pytest.mark.parametrize(
    ("name", "words"), [("deepfacelve", "no program"), ("deepfacelive", "no face")]
)
def test_an_unknown_program_and_a_clip_without_a_face_are_refused(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        open_host(name, [])


@pytest.mark.parametrize("host", HOSTS)
def test_face_is_in_its_place_and_nothing_around_it_changes(
    host: HostProgram, sample: Path
) -> None:
    assert faults_of(host, sample / "target_ada.mp4") == set()


@pytest.mark.parametrize(
    ("host", "expected"),
    [("deepfacelive", "size"), ("facefusion", "size"), ("visomaster", "place")],
)
def test_another_program_s_crop_is_seen(
    host: HostProgram, expected: str, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, whole_face = HOST_CROPS[host], HOST_CROPS["dfl"]
    wrong = replace(right, zoom=whole_face.zoom, center=whole_face.center)
    monkeypatch.setitem(HOST_CROPS, host, wrong)
    assert expected in faults_of(host, sample / "target_ada.mp4")


def test_square_that_is_not_pasted_is_seen(sample: Path) -> None:
    """VisoMaster shows the whole square, whatever the masks are."""
    assert "square" in faults_of("visomaster", sample / "target_ada.mp4", pastes=False)


@pytest.mark.parametrize(
    ("host", "covered_rows", "expected"),
    [("deepfacelive", 96, "square"), ("facefusion", 48, "mask"), ("visomaster", 48, "mask")],
)
def test_mask_of_everything_or_a_half_is_seen(
    host: HostProgram, covered_rows: int, expected: str, sample: Path
) -> None:
    mask = np.zeros((CROP.size, CROP.size, 1), np.float32)
    mask[:covered_rows] = 1
    assert expected in faults_of(host, sample / "target_ada.mp4", mask=mask)
