"""Cores and memory that a container leaves to this process."""

import os
from pathlib import Path

import psutil
import pytest

from faceloom import hardware
from faceloom.hardware import available_cores, available_memory, count_fitting_processes

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("max 100000", CORES),
        ("99900000 100000", CORES),
        ("damaged", CORES),
        (None, CORES),
    ],
)
def test_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, expected: int
) -> None:
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert available_cores() == expected


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [("3000", "1000", 2000), ("max", "1000", 10_000), ("3000", None, 10_000), ("x", "1", 10_000)],
)
def test_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    used: str | None,
    expected: int,
) -> None:
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    free = psutil.virtual_memory()._replace(available=10_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    if used is not None:
        (tmp_path / "memory.current").write_text(f"{used}\n")
    assert available_memory() == expected


def test_memory_under_a_limit_of_the_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_free_memory", lambda: 40_000)
    monkeypatch.setattr(hardware, "free_address_space", lambda: 5000)
    assert available_memory() == 5000
    # Each process has the limit for itself.
    assert count_fitting_processes(5000) == 5
