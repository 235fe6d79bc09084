"""Prefetch the items of a slow iterator in a background thread."""

from collections.abc import Generator, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

# Seconds between two checks of whether the consumer has stopped.
_POLL_SECONDS = 0.1


def prefetch(items: Iterator[Item], depth: int) -> Generator[Item, None, None]:
    """Prefetch items in a background thread.

    An error of `items` is raised in its place. When the consumer stops, so does the thread.

    Args:
        items: The items; the iterator is closed at the end.
        depth: Items that are prefetched at most.

    Yields:
        The items in order.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(depth)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, queue, stopped), name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # an item has no error
    finally:
        stopped.set()
        _drain(queue)
        thread.join()


def _fill(
    items: Iterator[Item], queue: "Queue[tuple[Item | None, BaseException | None]]", stopped: Event
) -> None:
    try:
        for item in items:
            if not _put(queue, (item, None), stopped):
                return
        end: BaseException = StopIteration()
    except BaseException as error:  # raised in the consumer
        end = error
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
    _put(queue, (None, end), stopped)


def _put(
    queue: "Queue[tuple[Item | None, BaseException | None]]",
    entry: tuple[Item | None, BaseException | None],
    stopped: Event,
) -> bool:
    while not stopped.is_set():
        try:
            queue.put(entry, timeout=_POLL_SECONDS)
        except Full:
            continue
        return True
    return False


def _drain(queue: "Queue[tuple[Item | None, BaseException | None]]") -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
