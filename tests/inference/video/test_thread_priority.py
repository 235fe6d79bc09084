"""Encoders do not leave threads with a real-time priority."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip, wave_images

from faceloom.doctor import media
from faceloom.video import Encoding, probe_video
from faceloom.video.encoding.encoders import check_encoder
from faceloom.video.encoding.thread_priority import same_thread_priority

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="Linux only"),
    pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root may request it"),
]


def policies() -> set[int]:
    return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}


def test_a_real_time_priority_is_undone() -> None:
    before = policies()
    with same_thread_priority():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        assert os.SCHED_FIFO in policies()
    assert policies() == before


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1"])
def test_encoders_keep_the_priority(tmp_path: Path, encoder: str) -> None:
    info = probe_video(make_clip(tmp_path / "clip.mp4", wave_images(2)))
    check_encoder(replace(info, width=128, height=128), Encoding(encoder))
    assert os.SCHED_FIFO not in policies()


def test_the_doctor_keeps_the_priority() -> None:
    assert list(media.check())
    assert os.SCHED_FIFO not in policies()
