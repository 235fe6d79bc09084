"""How many processes convert: by cores, memory and frames."""

from dataclasses import replace

import pytest
from tests.helpers.clips import make_clip, wave_images

from faceloom import hardware
from faceloom.errors import UsageError
from faceloom.swap import ConvertOptions
from faceloom.swap.pipeline.target import Target
from faceloom.swap.pipeline.workers import worker_count
from faceloom.swap.pipeline.workers.worker_count import choose_worker_count

GB = 10**9


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    folder = tmp_path_factory.mktemp("clip")
    clip = make_clip(folder / "clip.mp4", wave_images(2))
    return Target.open(clip, folder / "out.mp4", ConvertOptions())


@pytest.mark.parametrize(
    ("cores", "memory", "height", "frames", "provider", "chosen", "expected"),
    [
        (1, 64 * GB, 720, 100_000, "cpu", None, 1),
        (2, 64 * GB, 720, 100_000, "cpu", None, 1),
        (3, 64 * GB, 720, 100_000, "cpu", None, 1),
        (4, 64 * GB, 720, 100_000, "cpu", None, 2),
        (16, 64 * GB, 720, 100_000, "cpu", None, 8),
        (16, 64 * GB, 720, None, "cpu", None, 8),
        (128, 640 * GB, 720, 100_000, "cpu", None, 10),
        # Memory: larger frames, fewer processes; never none.
        (16, 8 * GB, 720, 100_000, "cpu", None, 8),
        (16, 8 * GB, 1080, 100_000, "cpu", None, 7),
        (16, 8 * GB, 2160, 100_000, "cpu", None, 2),
        (16, GB // 2, 2160, 100_000, "cpu", None, 1),
        # Not more than segments of 250 frames, and one for a short clip.
        (16, 64 * GB, 720, 1001, "cpu", None, 5),
        (16, 64 * GB, 720, 500, "cpu", None, 2),
        (16, 64 * GB, 720, 499, "cpu", None, 1),
        (16, 64 * GB, 720, 100_000, "cuda", None, 1),
        (16, 64 * GB, 720, 100_000, "openvino", None, 1),
        (1, GB, 2160, 10, "cuda", 3, 3),
        (16, 64 * GB, 720, 100_000, "cpu", 1, 1),
    ],
)
def test_count(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    memory: int,
    height: int,
    frames: int | None,
    provider: str,
    chosen: int | None,
    expected: int,
) -> None:
    monkeypatch.setattr(worker_count, "available_cores", lambda: cores)
    monkeypatch.setattr(hardware, "_free_memory", lambda: memory)
    monkeypatch.setattr(worker_count, "own_memory", lambda: 300_000_000)
    info = replace(target.info, width=height * 16 // 9, height=height, frame_count=frames)
    options = ConvertOptions(workers=chosen)
    assert choose_worker_count(replace(target, info=info), options, provider) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, 8), ({"repeated_times": True}, 1), ({"states_pts": False}, 1)],
)
def test_a_target_that_is_decoded_from_its_start_has_one_process(
    target: Target, monkeypatch: pytest.MonkeyPatch, change: dict[str, bool], expected: int
) -> None:
    monkeypatch.setattr(worker_count, "available_cores", lambda: 16)
    monkeypatch.setattr(hardware, "_free_memory", lambda: 64 * GB)
    info = replace(target.info, frame_count=100_000, **change)
    assert choose_worker_count(replace(target, info=info), ConvertOptions(), "cpu") == expected


def test_a_large_network_leaves_room_for_fewer_processes(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_count, "available_cores", lambda: 16)
    monkeypatch.setattr(hardware, "_free_memory", lambda: 8 * GB)
    monkeypatch.setattr(worker_count, "own_memory", lambda: 2 * GB)
    info = replace(target.info, frame_count=100_000)
    assert choose_worker_count(replace(target, info=info), ConvertOptions(), "cpu") == 2


def test_several_processes_are_refused_on_windows(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_count.sys, "platform", "win32")
    with pytest.raises(UsageError, match="Windows"):
        choose_worker_count(target, ConvertOptions(workers=2), "cpu")
