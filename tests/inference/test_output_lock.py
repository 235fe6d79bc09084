"""One process at a time writes an output; a lock ends with its process."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.output_lock import lock_output, lock_path

HOLD = """
import sys, time
from pathlib import Path
from faceloom.output_lock import lock_output
with lock_output(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held_elsewhere(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Hold the lock of `path` in another process."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.process
def test_a_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    out = tmp_path / "ada"
    with held_elsewhere(out) as process:
        with pytest.raises(UsageError, match=rf"ada is being written by process {process.pid} on"):
            lock_output(out).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lock_path(out).exists()
        with lock_output(out):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "extract clip.mp4 --out OUT",
        "extract clip.mp4 --out OUT --force",
        "extract clip.mp4 --out OUT --add",
        "curate OUT --dedupe --apply",
        "curate OUT --undo",
        "review faces --report OUT",
        "compare clip.mp4 clip.mp4 --report OUT",
        "demo --out OUT",
    ],
)
def test_every_command_refuses_an_output_in_use(
    tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with lock_output(Path("out")):
        code, _, err = faceloom(*command.replace("OUT", "out").split())
    assert (code, "out is being written by process" in err) == (2, True)


def test_locks_do_not_nest_and_leave_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.mp4"
    with lock_output(out), pytest.raises(UsageError, match="being written by process"):
        lock_output(tmp_path / "new" / ".." / "new" / "out.mp4").__enter__()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", [".", "sub/.."])
def test_the_working_directory_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    monkeypatch.chdir(folder)
    with lock_output(Path(path)), pytest.raises(UsageError, match="being written by process"):
        lock_output(folder).__enter__()


def test_a_lock_waits_for_another_holder(tmp_path: Path) -> None:
    """The holder removes the file; whoever waited for the old file takes a new one."""
    out, entered = tmp_path / "out", threading.Event()
    descriptor = os.open(lock_path(out), os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    def release() -> None:
        lock_path(out).unlink()
        os.close(descriptor)
        entered.set()

    threading.Timer(0.2, release).start()
    with lock_output(out, wait_seconds=30):
        assert entered.wait(0)
        assert lock_path(out).exists()


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127, "x"])
def test_every_name_has_a_lock(tmp_path: Path, name: str) -> None:
    with lock_output(tmp_path / name):
        assert lock_path(tmp_path / name).exists()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    lock_path(tmp_path / "out").symlink_to(victim)
    with pytest.raises(UsageError):
        lock_output(tmp_path / "out").__enter__()
    assert victim.read_text() == "mine"
