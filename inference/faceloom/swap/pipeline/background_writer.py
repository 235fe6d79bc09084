"""A background thread that writes items, with a bounded queue."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def write_in_background(
    write: Callable[[Item], None], depth: int
) -> Iterator[Callable[[Item], None]]:
    """Call a slow writer in a background thread.

    Leaving the block waits until all items are written. An error of `write` is raised by the next
    call, or at the end of the block; after an error of either side nothing more is written.

    Args:
        write: Called with each item, in order, in the thread.
        depth: Items that may wait; the caller blocks while the queue is full.

    Yields:
        A function that queues an item.
    """
    queue: Queue[tuple[Item] | None] = Queue(depth)
    failed: list[BaseException] = []
    thread = Thread(target=_run, args=(write, queue, failed), name="background-writer", daemon=True)
    thread.start()

    def put(item: Item) -> None:
        if failed:
            raise failed[0]
        queue.put((item,))

    try:
        yield put
    except BaseException as error:
        failed.append(error)
        raise
    finally:
        queue.put(None)
        thread.join()
    if failed:
        raise failed[0]


def _run(
    write: Callable[[Item], None], queue: "Queue[tuple[Item] | None]", failed: list[BaseException]
) -> None:
    """Write items; after a failure only drain the queue, so that the caller never blocks."""
    while (entry := queue.get()) is not None:
        if failed:
            continue
        try:
            write(entry[0])
        except BaseException as error:  # raised in the caller
            failed.append(error)
