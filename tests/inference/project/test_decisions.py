"""A time that is too short for a training is refused with one that is enough."""

import re
from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.project.decisions import check_training_time
from faceloom.project.machine_speed import MachineSpeed
from faceloom.project.settings import SwapSettings

LAPTOP = MachineSpeed(2, 100, amx=False, avx512=True, memory_gb=8, gpu="", trains_on_gpu=False)
# Seconds that the steps beside the training take.
OTHER = 50.0


def settings(minutes: float, steps: int | None = None) -> SwapSettings:
    return SwapSettings(
        (Path("ben.mp4"),), Path("clip.mp4"), Path("out.mp4"), Path("p"), minutes=minutes,
        steps=steps,
    )  # fmt: skip


def check(minutes: float, trained: int, steps: int | None = None) -> None:
    check_training_time(settings(minutes, steps), LAPTOP, "smoke", 60 * minutes - OTHER, trained)


@pytest.mark.parametrize(
    ("trained", "message"),
    [
        (0, "a recognizable face takes 300 steps of smoke"),
        (120, "a recognizable face takes 300 steps of smoke"),
        (300, "more steps here beside the other work, which do not improve the 300"),
        (5000, "more steps here beside the other work, which do not improve the 5000"),
    ],
)
def test_a_time_that_is_too_short_is_refused_with_one_that_is_enough(
    trained: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        check(1.0, trained)
    advised = re.search(r"give --minutes (\d+) or more", str(refused.value))
    assert advised is not None
    assert int(advised[1]) > 1
    check(float(advised[1]), trained)


def test_steps_that_are_trained_already_need_no_time() -> None:
    check(1.8, trained=300, steps=300)
