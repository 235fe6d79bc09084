"""Reading ahead changes nothing but when the work is done."""

import threading
import time
from collections.abc import Iterator

import pytest

from faceloom.batches import batched
from faceloom.prefetch import prefetch


def threads() -> int:
    return sum(thread.name == "read-ahead" for thread in threading.enumerate())


@pytest.mark.parametrize("depth", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 10])
def test_the_same_items_in_the_same_order(depth: int, count: int) -> None:
    assert list(prefetch(iter(range(count)), depth)) == list(range(count))
    assert threads() == 0


def test_an_error_reaches_the_caller_at_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    ahead = prefetch(items(), 5)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="disk"):
        next(ahead)
    assert threads() == 0


def test_stopping_ends_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000000)
        finally:
            closed.set()

    ahead = prefetch(items(), 2)
    assert next(ahead) == 0
    ahead.close()
    assert closed.wait(5)
    assert threads() == 0


def test_no_more_is_made_than_asked_for() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    ahead = prefetch(items(), 3)
    next(ahead)
    time.sleep(0.3)
    assert len(made) <= 6
    ahead.close()


@pytest.mark.parametrize(
    ("count", "expected"),
    [(2, [[0, 1], [2, 3], [4]]), (5, [[0, 1, 2, 3, 4]]), (9, [[0, 1, 2, 3, 4]])],
)
def test_batches(count: int, expected: list[list[int]]) -> None:
    assert list(batched(range(5), count)) == expected
    assert list(batched([], count)) == []
