"""What a run's newest metrics say: how far it is, how fast, and whether more steps help."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.studio.runs.metrics_reader import Row, read_newest_metrics

# Rows of training steps from which the speed is computed: short, so that it follows the machine.
_SPEED_ROWS = 6
# Events that are listed, the newest.
_MAX_EVENTS = 20
# Evaluations from which on the trainer tells whether more steps help (docs/training.md).
JUDGED_EVALUATIONS = 6


@dataclass(frozen=True, slots=True)
class DirectionScore:
    """The newest evaluation of one direction."""

    direction: str
    """Who is swapped, such as "ada as ben": ben's face on ada."""
    step: int
    """The step of the evaluation."""
    score: float | None
    """Score, 0 to 100; None if it is unknown."""
    identity: float | None
    """Identity similarity, 0 as the target to 1 as a real picture."""
    expression: float | None
    """Share of the facial motion that is kept, up to 1."""
    sharpness: float | None
    """Sharpness relative to the target."""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that happened to a run."""

    step: int
    """The step at which it happened."""
    text: str
    """What happened, in words."""


@dataclass(frozen=True, slots=True)
class RunState:
    """What the newest metrics say."""

    step: int
    """The last logged step."""
    steps_per_second: float | None
    """Speed of the last logged steps; None before the second row."""
    loss: float | None
    """The last logged loss."""
    advice: str
    """Whether more steps help, as the trainer last said; empty if it has not said anything yet."""
    evaluations: int
    """How many evaluations there are."""
    scores: tuple[DirectionScore, ...]
    """The newest evaluation of each direction."""
    events: tuple[RunEvent, ...]
    """What happened, the newest first."""

    def seconds_left(self, step: int, total: int | None) -> float | None:
        """Estimate the time to the end, without evaluations and previews.

        Args:
            step: The present step.
            total: Steps of the whole run, if known.

        Returns:
            Seconds; None if the speed or the total is unknown.
        """
        if total is None or not self.steps_per_second:
            return None
        return max(0, total - step) / self.steps_per_second


def read_run_state(run: Path) -> RunState:
    """Read what the newest metrics of a run say.

    Args:
        run: The run's folder; it may not have any metrics yet.
    """
    rows = read_newest_metrics(run)
    steps = [row for row in rows if _number(row, "seconds") is not None]
    swaps = [row for row in rows if isinstance(row.get("swap"), str)]
    return RunState(
        step=max((int(row["step"]) for row in rows), default=0),
        steps_per_second=_speed(steps),
        loss=_number(steps[-1], "loss") if steps else None,
        advice=_advice(rows),
        evaluations=len({row["step"] for row in swaps}),
        scores=tuple({str(row["swap"]): _direction(row) for row in swaps}.values()),
        events=_events(rows),
    )


def _number(row: Row, key: str) -> float | None:
    value = row.get(key)
    return None if value is None or isinstance(value, str) else float(value)


def _speed(rows: Sequence[Row]) -> float | None:
    """Return steps per second over the last rows of one start of the trainer."""
    newest = list(rows[-_SPEED_ROWS:])
    seconds = [_number(row, "seconds") or 0.0 for row in newest]
    # The clock starts again when a run is continued.
    begin = max((i for i in range(1, len(newest)) if seconds[i] <= seconds[i - 1]), default=0)
    if len(newest) - begin < 2:
        return None
    steps = int(newest[-1]["step"]) - int(newest[begin]["step"])
    return steps / (seconds[-1] - seconds[begin]) if steps > 0 else None


def _advice(rows: Sequence[Row]) -> str:
    said = [row["advice"] for row in rows if row.get("event") == "trend" and row.get("advice")]
    if not said:
        return ""
    text = str(said[-1])
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _direction(row: Row) -> DirectionScore:
    return DirectionScore(
        str(row["swap"]),
        int(row["step"]),
        _number(row, "score"),
        _number(row, "identity"),
        _number(row, "expression"),
        _number(row, "sharpness"),
    )


def _events(rows: Sequence[Row]) -> tuple[RunEvent, ...]:
    events = [row for row in rows if isinstance(row.get("event"), str)]
    return tuple(RunEvent(int(row["step"]), _in_words(row)) for row in events[:-_MAX_EVENTS:-1])


def _in_words(row: Row) -> str:
    """Write an event as "setting changed: setting steps, old 300, new 400"."""
    details = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in row.items()
        if key not in ("step", "event", "trend")
    ]
    return f"{str(row['event']).replace('_', ' ')}: {', '.join(details)}".rstrip(": ")
