"""Without a GPU, each link that was asked for falls back alone, with one sentence."""

import logging
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip

from faceloom.array_types import Rgb
from faceloom.errors import ProviderMissing
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import ConvertOptions, convert
from faceloom.swap.inference import face_models
from faceloom.video.decoding import hardware


def fail(*_: object, **__: object) -> None:
    raise ProviderMissing("The cuda provider does not start here.")


def test_the_output_has_the_bytes_of_a_conversion_without_a_gpu(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    pictures: list[Rgb],
    bundle: Path,
) -> None:
    monkeypatch.setattr(face_models, "run_face_mesh", fail)
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: [])
    clip = make_clip(tmp_path / "clip.mp4", pictures[:6])
    marking = MarkSettings("tags")
    plain = ConvertOptions(marking=marking)
    on_gpu = ConvertOptions(marking=marking, face_provider="cuda", decoder="cuda")
    caplog.set_level(logging.WARNING)
    run_to_completion(convert(clip, bundle, tmp_path / "plain.mp4", plain))
    expected = caplog.messages.copy()
    caplog.clear()
    run_to_completion(convert(clip, bundle, tmp_path / "gpu.mp4", on_gpu))
    assert (tmp_path / "gpu.mp4").read_bytes() == (tmp_path / "plain.mp4").read_bytes()
    assert [message for message in caplog.messages if message not in expected] == [
        "The face networks run on the CPU. The cuda provider does not start here.",
        f"{clip} is decoded in software: this FFmpeg has no GPU decoder for h264.",
    ]
