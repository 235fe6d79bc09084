"""What the newest metrics of a run say."""

import json
from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.studio.runs.metrics_reader import METRICS_FILE
from faceloom.studio.runs.previews import list_previews, preview_path
from faceloom.studio.runs.run_state import RunState, read_run_state


def _state(run: Path, *rows: object) -> RunState:
    (run / METRICS_FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_run_state(run)


def _steps(*pairs: tuple[int, float]) -> list[dict[str, object]]:
    return [{"step": step, "seconds": seconds, "loss": 1 / step} for step, seconds in pairs]


def test_a_run_without_metrics_says_nothing(tmp_path: Path) -> None:
    state = read_run_state(tmp_path)
    assert (state.step, state.steps_per_second, state.advice, state.scores) == (0, None, "", ())


@pytest.mark.parametrize(
    ("pairs", "speed"),
    [
        ([(10, 5.0)], None),
        ([(10, 5.0), (20, 10.0)], 2.0),
        # The newest rows count: the machine has become faster.
        ([(10, 100.0), *((step, 100.0 + step / 10) for step in range(20, 90, 10))], 10.0),
        # The run was continued, and the clock began again.
        ([(10, 5.0), (20, 90.0), (30, 4.0)], None),
        ([(10, 5.0), (20, 90.0), (30, 4.0), (40, 14.0)], 1.0),
        ([(10, 5.0), (10, 5.0)], None),
    ],
)
def test_the_speed_is_that_of_the_last_steps(
    tmp_path: Path, pairs: list[tuple[int, float]], speed: float | None
) -> None:
    state = _state(tmp_path, *_steps(*pairs))
    assert state.steps_per_second == (None if speed is None else pytest.approx(speed))


def test_the_time_left_needs_a_speed_and_a_total(tmp_path: Path) -> None:
    state = _state(tmp_path, *_steps((10, 5.0), (20, 10.0)))
    assert state.seconds_left(20, 120) == pytest.approx(50)
    assert state.seconds_left(130, 120) == 0
    assert state.seconds_left(20, None) is None
    assert _state(tmp_path, *_steps((10, 5.0))).seconds_left(10, 20) is None


def test_the_newest_evaluation_of_each_direction_counts(tmp_path: Path) -> None:
    state = _state(
        tmp_path,
        {"step": 100, "swap": "ada as ben", "score": 30.0, "identity": 0.5, "expression": None},
        {"step": 100, "swap": "ben as ada", "score": 20.0},
        {"step": 100, "reconstruction": "ada", "ssim": 0.9},
        {"step": 200, "swap": "ada as ben", "score": 40.0},
    )
    scores = {each.direction: (each.step, each.score) for each in state.scores}
    assert scores == {"ada as ben": (200, 40.0), "ben as ada": (100, 20.0)}
    assert state.evaluations == 2


def test_the_last_advice_is_a_sentence(tmp_path: Path) -> None:
    state = _state(
        tmp_path,
        {"step": 100, "event": "trend", "trend": "rising", "advice": "more steps help"},
        {"step": 300, "event": "trend", "trend": "flat", "advice": "more steps will not help"},
    )
    assert state.advice == "More steps will not help."


def test_events_are_said_in_words_the_newest_first(tmp_path: Path) -> None:
    state = _state(
        tmp_path,
        {"step": 0, "event": "base", "base": "crowd_128.npz", "copied_fraction": 0.97},
        {"step": 9, "event": "setting_changed", "setting": "steps", "old": 300, "new": 400},
        *({"step": step, "event": "restored"} for step in range(10, 15)),
    )
    texts = [(event.step, event.text) for event in state.events]
    assert texts[0] == (14, "restored")
    assert texts[-2] == (9, "setting changed: setting steps, old 300, new 400")
    assert texts[-1] == (0, "base: base crowd_128.npz, copied fraction 0.97")


def test_previews_are_listed_by_their_step(tmp_path: Path) -> None:
    assert list_previews(tmp_path) == ()
    folder = tmp_path / "previews"
    folder.mkdir()
    for name in ("step-00000200.png", "step-00000100.png", "examples.png", "step-1.png", ".x.part"):
        (folder / name).touch()
    (folder / "step-00000300.png").symlink_to(folder / "examples.png")
    assert list_previews(tmp_path) == (100, 200)
    assert preview_path(tmp_path, 100) == folder / "step-00000100.png"
    with pytest.raises(UsageError, match="no preview of step 300"):
        preview_path(tmp_path, 300)
