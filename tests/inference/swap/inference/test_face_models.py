"""The face networks run on the provider that was asked for, or on the CPU, with one sentence."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from faceloom.array_types import Rgb
from faceloom.errors import UsageError
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.swap.inference import face_models
from faceloom.swap.inference.face_models import face_model_opener, resolve_face_provider
from faceloom.swap.inference.providers import PROVIDERS, open_session
from faceloom.swap.pipeline.analysis import conversion_finder
from faceloom.video import read_frames


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Run on the CPU what asks for CUDA; note each file and provider."""
    calls = []

    def open_on_cpu(path: Path, provider: str, **settings: Any) -> ort.InferenceSession:
        calls.append((path.name, provider))
        return open_session(path, "cpu", **settings)

    monkeypatch.setattr(face_models, "open_session", open_on_cpu)
    return calls


@pytest.mark.parametrize("provider", ["cuda", "tensorrt", "coreml"])
def test_a_provider_that_does_not_run_is_replaced_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, provider: str
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: [PROVIDERS["cpu"]])
    caplog.set_level(logging.WARNING)
    assert resolve_face_provider(provider) == "cpu"
    (record,) = caplog.records
    assert f"no {provider} provider" in record.message
    assert "run on the CPU" in record.message


def test_a_provider_that_fails_at_the_first_run_is_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_provider: str) -> None:
        raise RuntimeError("no kernel image is available\nfor this device")

    monkeypatch.setattr(face_models, "run_face_mesh", fail)
    assert resolve_face_provider("cuda") == "cpu"
    assert caplog.messages == ["The face networks run on the CPU. no kernel image is available"]


def test_the_cpu_is_taken_without_a_trial(opened: list[tuple[str, str]]) -> None:
    assert resolve_face_provider("cpu") == "cpu"
    face_model_opener("cpu")
    assert not opened


@pytest.mark.parametrize("provider", ["auto", "gpu"])
def test_an_unknown_provider_is_refused(provider: str) -> None:
    with pytest.raises(UsageError, match="choose one of tensorrt, cuda"):
        resolve_face_provider(provider)


def test_all_networks_of_a_conversion_run_on_the_provider(
    opened: list[tuple[str, str]], sample: Path
) -> None:
    frames: list[Rgb] = [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=6)]
    assert resolve_face_provider("cuda") == "cuda"
    opened.clear()
    finder, parser = conversion_finder("cuda"), FaceParser(1, face_model_opener("cuda"))
    assert sorted(opened) == [
        ("face_parser.onnx", "cuda"),
        ("mediapipe_face_landmark_468.onnx", "cuda"),
        ("retinaface_mobilenet025.onnx", "cuda"),
    ]
    found, expected = finder.find(frames), conversion_finder().find(frames)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours[0].landmarks.points_xyz, theirs[0].landmarks.points_xyz)
    crops = [frame[:128, :128] for frame in frames[:2]]
    np.testing.assert_array_equal(parser.parse(crops), FaceParser(1).parse(crops))
