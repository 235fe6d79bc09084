"""Several footage files at once, in worker processes."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2

from faceloom.batches import batched
from faceloom.errors import PartlyDone
from faceloom.faces.alignment import CropGeometry
from faceloom.faceset.extract_source import ExtractionSettings, ExtractionTask, extract_files
from faceloom.faceset.extraction_journal import read_state
from faceloom.faceset.footage import FootageFile
from faceloom.hardware import available_cores, count_fitting_processes
from faceloom.operating_system import blocked_interrupts
from faceloom.progress import Progress, ProgressGenerator

# Seconds between two reads of the journals' states.
_POLL_SECONDS = 0.5
# Pictures that a worker takes at once, at most.
_MAX_GROUP = 200
# Groups of pictures for each worker at least, so that none is idle for long at the end.
_GROUPS_PER_WORKER = 3
# Memory of a worker in bytes (docs/benchmarks.md).
_WORKER_BYTES = 415_000_000
# Windows cannot wait for more processes at once.
_MAX_WORKERS = 61


def extract_in_processes(
    files: Sequence[FootageFile],
    folders: Sequence[Path],
    geometry: CropGeometry,
    settings: ExtractionSettings,
    workers: int | None,
    first_index: int = 0,
) -> ProgressGenerator[None]:
    """Fill the journals of all files.

    Args:
        files: The footage files.
        folders: Folder of each file's journal.
        geometry: Geometry of the crops.
        settings: The settings.
        workers: Processes at most; None: see `choose_worker_count`.
        first_index: Index of the first file in the face set.

    Yields:
        Progress in frames.

    Raises:
        MediaUnreadable: A video cannot be read.
        PartlyDone: A worker was killed.
    """
    cores, count = available_cores(), choose_worker_count(len(files), workers)
    tasks = [
        ExtractionTask(file, index, folder)
        for index, (file, folder) in enumerate(zip(files, folders, strict=True), first_index)
    ]
    if count <= 1:
        yield from extract_files(tasks, geometry, settings)
        return
    shared = replace(settings, threads=max(1, cores // count))
    with _open_pool(count) as pool:
        # A child inherits the mask, so Ctrl-C cannot hit it while it starts.
        with blocked_interrupts():
            results = [
                pool.submit(_extract, group, geometry, shared)
                for group in group_tasks(tasks, count)
            ]
        try:
            yield from _watch(results, tasks, settings.every)
            for result in results:
                result.result()
        except BrokenProcessPool as error:
            raise PartlyDone(
                "A process that extracts faces was killed, perhaps because the memory is full; run "
                "the same command again with --workers 1."
            ) from error


def choose_worker_count(files: int, workers: int | None) -> int:
    """Return how many processes extract faces at once.

    Args:
        files: Number of files; a process reads one at a time.
        workers: Processes at most; None: one for each core, as far as the memory suffices.
    """
    if workers is None:
        workers = min(available_cores(), count_fitting_processes(_WORKER_BYTES))
    return min(files, workers, _MAX_WORKERS)


def group_tasks(tasks: Sequence[ExtractionTask], workers: int) -> list[list[ExtractionTask]]:
    """Group tasks for the workers: each video alone, pictures together, since networks open slowly.

    Args:
        tasks: The tasks.
        workers: Number of workers.
    """
    pictures = [task for task in tasks if task.file.kind == "picture"]
    size = min(_MAX_GROUP, max(1, -(-len(pictures) // (_GROUPS_PER_WORKER * workers))))
    videos = [[task] for task in tasks if task.file.kind == "video"]
    return videos + list(batched(pictures, size))


@contextmanager
def _open_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool whose workers are ended with the block, whatever they are doing.

    Processes are spawned, since forking a process with onnxruntime's threads can hang.
    """
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, cv2.setNumThreads, (1,))
    try:
        yield pool
    finally:
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        # Waits for the workers; a shutdown that does not wait makes later ones return at once.
        pool.shutdown(cancel_futures=True)


def _watch(
    results: "Sequence[Future[None]]", tasks: Sequence[ExtractionTask], every: int
) -> ProgressGenerator[None]:
    totals = [task.file.frames and -(-task.file.frames // every) for task in tasks]
    total = sum(t for t in totals if t) if all(totals) else None
    finished, running = 0, list(tasks)
    while pending := [result for result in results if not result.done()]:
        _raise_first_error(results)
        wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
        states = [read_state(task.folder) for task in running]
        running = [task for task, state in zip(running, states, strict=True) if not state.done]
        finished += sum(state.frames for state in states if state.done)
        done = finished + sum(state.frames for state in states if not state.done)
        yield Progress(f"extract {len(tasks)} files", done, total)


def _raise_first_error(results: "Sequence[Future[None]]") -> None:
    for result in results:
        if result.done():
            result.result()


def _extract(
    tasks: Sequence[ExtractionTask], geometry: CropGeometry, settings: ExtractionSettings
) -> None:
    parent = multiprocessing.parent_process()
    for _ in extract_files(tasks, geometry, settings):
        # A worker whose parent was killed stops, so that the next extraction can resume.
        if parent and not parent.is_alive():
            return
