"""Several footage files at once, in worker processes."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.pool import AsyncResult
from pathlib import Path

import cv2

from faceloom.batches import batched
from faceloom.faces.alignment import CropGeometry
from faceloom.faceset.extract_source import ExtractionSettings, ExtractionTask, extract_files
from faceloom.faceset.extraction_journal import read_state
from faceloom.faceset.footage import FootageFile
from faceloom.hardware import available_cores
from faceloom.operating_system import blocked_interrupts
from faceloom.progress import Progress, ProgressGenerator

# Seconds between two reads of the journals' states.
_POLL_SECONDS = 0.5
# Pictures that a worker takes at once, at most.
_MAX_GROUP = 200
# Groups of pictures for each worker at least, so that none is idle for long at the end.
_GROUPS_PER_WORKER = 3


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
        workers: Processes; None: one per core.
        first_index: Index of the first file in the face set.

    Yields:
        Progress in frames.

    Raises:
        MediaUnreadable: A video cannot be read.
    """
    cores = available_cores()
    count = min(len(files), workers or cores)
    tasks = [
        ExtractionTask(file, index, folder)
        for index, (file, folder) in enumerate(zip(files, folders, strict=True), first_index)
    ]
    if count <= 1:
        yield from extract_files(tasks, geometry, settings)
        return
    shared = replace(settings, threads=max(1, cores // count))
    with _spawn_pool(count) as pool:
        results = [
            pool.apply_async(_extract, (group, geometry, shared))
            for group in group_tasks(tasks, count)
        ]
        yield from _watch(results, tasks, settings.every)
        for result in results:
            result.get()


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


def _spawn_pool(count: int) -> "multiprocessing.pool.Pool":
    """Start workers that never receive SIGINT: the parent ends them.

    Processes are spawned, since forking a process with onnxruntime's threads can hang.
    """
    # A child inherits the mask, so Ctrl-C cannot hit it while it starts.
    with blocked_interrupts():
        return multiprocessing.get_context("spawn").Pool(count, cv2.setNumThreads, (1,))


def _watch(
    results: "Sequence[AsyncResult[None]]", tasks: Sequence[ExtractionTask], every: int
) -> ProgressGenerator[None]:
    totals = [task.file.frames and -(-task.file.frames // every) for task in tasks]
    total = sum(t for t in totals if t) if all(totals) else None
    finished, running = 0, list(tasks)
    while not all(result.ready() for result in results):
        _raise_first_error(results)
        next((r for r in results if not r.ready()), results[0]).wait(_POLL_SECONDS)
        states = [read_state(task.folder) for task in running]
        running = [task for task, state in zip(running, states, strict=True) if not state.done]
        finished += sum(state.frames for state in states if state.done)
        done = finished + sum(state.frames for state in states if not state.done)
        yield Progress(f"extract {len(tasks)} files", done, total)


def _raise_first_error(results: "Sequence[AsyncResult[None]]") -> None:
    for result in results:
        if result.ready():
            result.get()


def _extract(
    tasks: Sequence[ExtractionTask], geometry: CropGeometry, settings: ExtractionSettings
) -> None:
    parent = multiprocessing.parent_process()
    for _ in extract_files(tasks, geometry, settings):
        # A worker whose parent was killed stops, so that the next extraction can resume.
        if parent and not parent.is_alive():
            return
