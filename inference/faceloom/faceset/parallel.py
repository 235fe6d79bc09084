"""Several sources at once, each in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.pool import AsyncResult
from pathlib import Path

import cv2

from faceloom.faces.align import CropGeometry
from faceloom.faceset.extract_source import SourceOptions, extract_source
from faceloom.faceset.journal import read_state
from faceloom.faceset.sources import Source
from faceloom.progress import Progress, Work, finish

# Seconds between looks at the journals.
_LOOK_EVERY = 0.5


def extract_in_processes(
    sources: Sequence[Source],
    folders: Sequence[Path],
    geometry: CropGeometry,
    options: SourceOptions,
    workers: int | None,
) -> Work[None]:
    """Fill every source's journal; raise the first error that any of them has."""
    cores = os.cpu_count() or 1
    count = min(len(sources), workers or cores)
    jobs = list(zip(sources, range(len(sources)), folders, strict=True))
    if count == 1:
        for source, number, folder in jobs:
            yield from extract_source(source, number, folder, geometry, options)
        return
    shared = replace(options, threads=max(1, cores // count))
    # Processes are spawned: forking one that holds threads of onnxruntime can hang.
    with multiprocessing.get_context("spawn").Pool(count, _begin_worker) as pool:
        results = [pool.apply_async(_extract, (*job, geometry, shared)) for job in jobs]
        yield from _watch(results, sources, folders, options.every)
        for result in results:
            result.get()


def _watch(
    results: "Sequence[AsyncResult[None]]", sources: Sequence[Source], folders: Sequence[Path], every: int
) -> Work[None]:
    totals = [source.frames and -(-source.frames // every) for source in sources]
    total = sum(t for t in totals if t) if all(totals) else None
    while not all(result.ready() for result in results):
        _raise_first(results)
        next((r for r in results if not r.ready()), results[0]).wait(_LOOK_EVERY)
        done = sum(read_state(folder).frames for folder in folders)
        yield Progress(f"extract {len(sources)} sources", done, total)


def _raise_first(results: "Sequence[AsyncResult[None]]") -> None:
    for result in results:
        if result.ready():
            result.get()


def _begin_worker() -> None:
    # Ctrl-C reaches every process; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _extract(source: Source, number: int, folder: Path, geometry: CropGeometry, options: SourceOptions) -> None:
    finish(extract_source(source, number, folder, geometry, options))
