"""Let a slow writer run behind in a thread, a bounded number of items."""

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
    """Yield what takes items for `write`, which is called in a thread, in their order; at the end all are written.

    Up to `depth` items wait; then the caller does. An error of `write` reaches the caller with its next item, or at
    the end; nothing more is written then, nor if the caller fails.
    """
    queue: Queue[tuple[Item] | None] = Queue(depth)
    failed: list[BaseException] = []
    thread = Thread(target=_run, args=(write, queue, failed), name="write-behind", daemon=True)
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
    """Write what comes; after a failure only take it, so that nobody waits for room."""
    while (entry := queue.get()) is not None:
        if failed:
            continue
        try:
            write(entry[0])
        except BaseException as error:  # whatever it is belongs to the caller
            failed.append(error)
