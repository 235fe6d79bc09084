"""Several sources at once, each in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.pool import AsyncResult
from pathlib import Path

import cv2

from faceloom.batches import batched
from faceloom.faces.alignment import CropGeometry
from faceloom.faceset.extract_source import ExtractionSettings, Job, extract_sources
from faceloom.faceset.extraction_journal import read_state
from faceloom.faceset.footage import FootageFile
from faceloom.progress import Progress, ProgressGenerator, run_to_completion

# Seconds between looks at the journals.
_LOOK_EVERY = 0.5
# Pictures that one process takes at a time, at most, and how often each worker gets some at least.
_MOST_TOGETHER, _SHARES = 200, 3


def extract_in_processes(
    sources: Sequence[FootageFile],
    folders: Sequence[Path],
    geometry: CropGeometry,
    options: ExtractionSettings,
    workers: int | None,
) -> ProgressGenerator[None]:
    """Fill every source's journal; raise the first error that any of them has."""
    cores = os.cpu_count() or 1
    count = min(len(sources), workers or cores)
    jobs = [Job(*job) for job in zip(sources, range(len(sources)), folders, strict=True)]
    if count == 1:
        yield from extract_sources(jobs, geometry, options)
        return
    shared = replace(options, threads=max(1, cores // count))
    # Processes are spawned: forking one that holds threads of onnxruntime can hang.
    with multiprocessing.get_context("spawn").Pool(count, _begin_worker) as pool:
        results = [
            pool.apply_async(_extract, (together, geometry, shared))
            for together in share_out(jobs, count)
        ]
        yield from _watch(results, jobs, options.every)
        for result in results:
            result.get()


def share_out(jobs: Sequence[Job], workers: int) -> list[list[Job]]:
    """Group jobs for one process at a time: each video alone, pictures many together, as networks open slowly.

    All workers get pictures, and get them _SHARES times, so that none is idle for long at the end.
    """
    pictures = [job for job in jobs if job.source.kind == "picture"]
    many = min(_MOST_TOGETHER, max(1, -(-len(pictures) // (_SHARES * workers))))
    return [[job] for job in jobs if job.source.kind == "video"] + list(batched(pictures, many))


def _watch(
    results: "Sequence[AsyncResult[None]]", jobs: Sequence[Job], every: int
) -> ProgressGenerator[None]:
    totals = [job.source.frames and -(-job.source.frames // every) for job in jobs]
    total = sum(t for t in totals if t) if all(totals) else None
    finished, running = 0, list(jobs)
    while not all(result.ready() for result in results):
        _raise_first(results)
        next((r for r in results if not r.ready()), results[0]).wait(_LOOK_EVERY)
        states = [read_state(job.folder) for job in running]
        running = [job for job, state in zip(running, states, strict=True) if not state.done]
        finished += sum(state.frames for state in states if state.done)
        done = finished + sum(state.frames for state in states if not state.done)
        yield Progress(f"extract {len(jobs)} sources", done, total)


def _raise_first(results: "Sequence[AsyncResult[None]]") -> None:
    for result in results:
        if result.ready():
            result.get()


def _begin_worker() -> None:
    # Ctrl-C reaches every process; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _extract(jobs: Sequence[Job], geometry: CropGeometry, options: ExtractionSettings) -> None:
    run_to_completion(extract_sources(jobs, geometry, options))
