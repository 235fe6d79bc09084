"""How many processes convert: by cores, memory and frames."""

from dataclasses import replace

import pytest
from tests.helpers.clips import make_clip, wave_images

from faceloom.swap import ConvertOptions
from faceloom.swap.pipeline import worker_count
from faceloom.swap.pipeline.target import Target
from faceloom.swap.pipeline.worker_count import choose_worker_count

GB = 10**9


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder = tmp_path_factory.mktemp("clip")
    clip = make_clip(folder / "clip.mp4", wave_images(2))
    return Target.open(clip, folder / "out.mp4", ConvertOptions())


@pytest.mark.parametrize(
    ("cores", "memory", "height", "frames", "on_gpu", "chosen", "expected"),
    [
        (1, 64 * GB, 720, 100_000, False, None, 1),
        (2, 64 * GB, 720, 100_000, False, None, 1),
        (3, 64 * GB, 720, 100_000, False, None, 1),
        (4, 64 * GB, 720, 100_000, False, None, 2),
        (16, 64 * GB, 720, 100_000, False, None, 8),
        (16, 64 * GB, 720, None, False, None, 8),
        (128, 640 * GB, 720, 100_000, False, None, 10),
        # Memory: larger frames, fewer processes; never none.
        (16, 8 * GB, 720, 100_000, False, None, 8),
        (16, 8 * GB, 1080, 100_000, False, None, 7),
        (16, 8 * GB, 2160, 100_000, False, None, 2),
        (16, GB // 2, 2160, 100_000, False, None, 1),
        # Not more than segments of 250 frames, and one for a short clip.
        (16, 64 * GB, 720, 1001, False, None, 5),
        (16, 64 * GB, 720, 500, False, None, 2),
        (16, 64 * GB, 720, 499, False, None, 1),
        (16, 64 * GB, 720, 100_000, True, None, 1),
        (1, GB, 2160, 10, True, 3, 3),
        (16, 64 * GB, 720, 100_000, False, 1, 1),
    ],
)
def test_count(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    memory: int,
    height: int,
    frames: int | None,
    on_gpu: bool,
    chosen: int | None,
    expected: int,
) -> None:
    monkeypatch.setattr(worker_count, "available_cores", lambda: cores)
    monkeypatch.setattr(worker_count, "available_memory", lambda: memory)
    info = replace(target.info, width=height * 16 // 9, height=height, frame_count=frames)
    options = ConvertOptions(workers=chosen)
    assert choose_worker_count(replace(target, info=info), options, on_gpu=on_gpu) == expected
