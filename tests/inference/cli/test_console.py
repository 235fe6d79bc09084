"""Which progress reports a log that is not a terminal shows."""

import pytest

from faceloom.cli.console import ProgressThrottle
from faceloom.progress import Progress

REPORTS = {
    "the first and the last": (
        [("a", 1), ("a", 2), ("a", 3), ("a", 9)],
        [True, False, False, True],
    ),
    "the last once": ([("a", 9), ("a", 9), ("a", 9)], [True, False, False]),
    "each stage": ([("a", 1), ("b", 1), ("a", 1)], [True, True, True]),
}


@pytest.mark.parametrize(("reports", "shown"), REPORTS.values(), ids=REPORTS)
def test_a_report_is_shown_once(reports: list[tuple[str, int]], shown: list[bool]) -> None:
    throttle = ProgressThrottle(interval=60)
    assert [throttle.is_due(Progress(stage, done, 9)) for stage, done in reports] == shown


def test_a_report_after_the_interval_is_shown_if_it_tells_something_new() -> None:
    throttle = ProgressThrottle(interval=0)
    assert [throttle.is_due(Progress("a", done, 9)) for done in (1, 2, 2, 3)] == [
        True, True, False, True,
    ]  # fmt: skip
