"""Each link to a GPU falls back alone, with one sentence, and workers get a GPU for each link."""

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import onnxruntime as ort
import pytest
from tests.helpers.clips import make_clip

from faceloom.array_types import Rgb
from faceloom.errors import ProviderMissing
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import ConvertOptions, convert
from faceloom.swap.inference import face_models
from faceloom.swap.inference.providers import open_session
from faceloom.swap.pipeline.workers.segment_tasks import WorkerSpec
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


@pytest.mark.parametrize(("face_provider", "on_gpu"), [("cpu", False), ("cuda", True)])
def test_workers_of_a_cluster_get_a_gpu_for_the_face_networks_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pictures: list[Rgb],
    bundle: Path,
    face_provider: str,
    on_gpu: bool,
) -> None:
    def open_on_cpu(path: Path, _provider: str, **settings: Any) -> ort.InferenceSession:
        return open_session(path, "cpu", **settings)

    def note(spec: WorkerSpec, *_: object) -> None:
        noted.append(spec.on_gpu)
        raise ProviderMissing("No cluster runs here.")

    noted: list[bool] = []
    monkeypatch.setattr(face_models, "open_session", open_on_cpu)
    monkeypatch.setattr(import_module("faceloom.swap.pipeline.convert"), "_open_pool", note)
    clip = make_clip(tmp_path / "clip.mp4", pictures[:6])
    options = ConvertOptions(provider="cpu", face_provider=face_provider, engine="ray")
    with pytest.raises(ProviderMissing, match="No cluster"):
        run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", options))
    assert noted == [on_gpu]
