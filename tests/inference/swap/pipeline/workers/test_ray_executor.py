"""A Ray cluster writes the same bytes as one machine."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import ConvertOptions, convert
from faceloom.video import FrameRange, read_frames

pytestmark = [pytest.mark.process, pytest.mark.exhaustive]

ray = pytest.importorskip("ray", reason="the package ray is not installed (extra ray)")

# Without C2PA, whose signatures differ each time.
OPTIONS = ConvertOptions(
    batch_size=4,
    segment_length=9,
    color="lab",
    frame_range=FrameRange.parse("2:31"),
    marking=MarkSettings("tags"),
)


def test_two_workers_write_the_bytes_of_one_machine(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceloom.swap.pipeline.workers.ray_executor._start_workers", _two_workers)
    bundle = make_bundle(tmp_path / "ben.bundle")
    pictures = [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=33)]
    clip = make_clip(tmp_path / "clip.mp4", pictures, audio_seconds=1.2)
    run_to_completion(convert(clip, bundle, tmp_path / "one.mp4", OPTIONS))
    summary = run_to_completion(
        convert(clip, bundle, tmp_path / "many.mp4", replace(OPTIONS, engine="ray"))
    )
    assert (summary.frames, summary.swapped_frames) == (29, 29)
    assert (tmp_path / "many.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()
    assert not ray.is_initialized()


def _two_workers(cluster: object, spec: object) -> list[object]:
    from faceloom.swap.pipeline.workers.ray_executor import SegmentWorker

    assert cluster is ray
    return [ray.remote(SegmentWorker).options(num_cpus=0.5).remote(spec) for _ in range(2)]
