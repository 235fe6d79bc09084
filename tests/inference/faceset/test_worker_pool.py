"""Workers are as many as fit into the memory; a killed one ends the extraction with a sentence."""

import multiprocessing
from pathlib import Path

import pytest

from faceloom import hardware
from faceloom.errors import PartlyDone
from faceloom.faceset import ExtractOptions, extract, worker_pool
from faceloom.faceset.worker_pool import choose_worker_count
from faceloom.progress import run_to_completion


@pytest.mark.parametrize(
    ("files", "workers", "gigabytes", "expected"),
    [
        (9, None, 99, 4),
        (2, None, 99, 2),
        (9, None, 1.3, 2),
        (9, None, 0.1, 1),
        (9, 3, 0.1, 3),
        (99, 99, 99, 61),
    ],
)
def test_workers(
    monkeypatch: pytest.MonkeyPatch,
    files: int,
    workers: int | None,
    gigabytes: float,
    expected: int,
) -> None:
    monkeypatch.setattr(worker_pool, "available_cores", lambda: 4)
    monkeypatch.setattr(hardware, "_free_memory", lambda: int(gigabytes * 1e9))
    assert choose_worker_count(files, workers) == expected


@pytest.mark.process
def test_a_killed_worker_ends_the_extraction(tmp_path: Path, sample: Path) -> None:
    inputs = [sample / f"{name}.mp4" for name in ("train_ada", "target_ada")]
    others = set(multiprocessing.active_children())
    work = extract(inputs, tmp_path / "out", ExtractOptions("ada", every=12, workers=2))
    next(work)
    workers = set(multiprocessing.active_children()) - others
    assert len(workers) == 2
    workers.pop().kill()
    with pytest.raises(PartlyDone, match=r"was killed, .* with --workers 1\.$"):
        run_to_completion(work)
    assert not (tmp_path / "out").exists()
    assert set(multiprocessing.active_children()) <= others
