"""Let a slow iterator run ahead in a thread, a bounded number of items."""

from collections.abc import Generator, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

# Seconds between looks at whether anybody still waits.
_PATIENCE = 0.1


def prefetch(items: Iterator[Item], depth: int) -> Generator[Item, None, None]:
    """Yield the same items in the same order while up to `depth` more are made in a thread.

    An error of `items` reaches the caller at its place; when the caller stops, so does the thread.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(depth)
    stopped = Event()
    thread = Thread(target=_fill, args=(items, queue, stopped), name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # an item always comes without an error
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
    except BaseException as error:  # whatever it is belongs to the caller
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
            queue.put(entry, timeout=_PATIENCE)
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
