"""Locks, signals and flushes, on POSIX and with the calls of Windows."""

import errno
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from faceloom.operating_system import (
    blocked_interrupts,
    disk_flush,
    file_locks,
    flush_names,
    flush_to_disk,
    interrupt,
    open_lock_file,
    remove_lock_file,
    try_lock,
)


class _WindowsLocks:
    """Stands in for `msvcrt`: one process locks one byte of a file."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.locked: set[tuple[int, int]] = set()

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        place = (os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR))
        if place in self.locked:
            raise PermissionError(13, "Permission denied")
        self.locked.add(place)


@pytest.mark.parametrize("system", ["posix", "windows"])
def test_a_second_lock_of_a_file_is_refused_and_its_text_stays_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    if system == "windows":
        monkeypatch.setattr(file_locks, "_fcntl", None)
        monkeypatch.setattr(file_locks, "_msvcrt", _WindowsLocks())
    path = tmp_path / ".out.lock"
    first, second = open_lock_file(path), open_lock_file(path)
    try_lock(first)
    os.write(first, b"process 1")
    with pytest.raises(BlockingIOError):
        try_lock(second)
    assert os.read(second, 100) == b"process 1"
    remove_lock_file(path, first)
    assert not path.exists()
    os.close(second)


@pytest.mark.process
def test_a_child_is_interrupted() -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGINT, lambda *_: exit(3)); "
        "print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        interrupt(child)
        assert child.wait(20) == 3


@pytest.mark.process
def test_a_child_of_windows_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(child: "subprocess.Popen[bytes]", number: int) -> None:
        if number == signal.SIGINT:
            raise ValueError(f"Unsupported signal: {number}")
        os.kill(child.pid, number)

    monkeypatch.setattr(subprocess.Popen, "send_signal", send)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        interrupt(child)
        assert child.wait(20)


def test_interrupts_are_blocked_in_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with blocked_interrupts():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.delattr(signal, "pthread_sigmask")
    with blocked_interrupts():
        pass


@pytest.mark.parametrize("system", ["posix", "nt"])
def test_files_and_folders_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    monkeypatch.setattr(disk_flush, "_IS_WINDOWS", system == "nt")
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    flush_to_disk(file)
    flush_to_disk(tmp_path)
    assert len(flushed) == {"posix": 2, "nt": 1}[system]


@pytest.mark.parametrize(("number", "ignored"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_cannot_flush_folders_is_tolerated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, ignored: bool
) -> None:
    file = tmp_path / "a"
    file.write_text("a")

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with nullcontext() if ignored else pytest.raises(OSError, match=os.strerror(number)):
        flush_to_disk(tmp_path)
    with pytest.raises(OSError, match=os.strerror(number)):
        flush_to_disk(file)
    flush_names(tmp_path)


def test_posix_modules_are_imported_nowhere_else() -> None:
    package = Path(file_locks.__file__).parents[1]
    imported = re.compile(
        r"^\s*(import|from) (fcntl|resource|pwd|grp|termios|pty|msvcrt)\b", re.MULTILINE
    )
    for path in package.rglob("*.py"):
        assert not imported.search(path.read_text()), path
