"""Too little memory ends a command with a sentence and its exit code, at the start if known."""

import subprocess
import sys

import pytest

from faceloom.cli import app, memory_limits
from faceloom.errors import ArtifactRefused, FaceloomError, PartlyDone


def refused(cause: Exception) -> Exception:
    error = ArtifactRefused("onnxruntime cannot load swap.onnx; replace the file.")
    error.__cause__ = cause
    return error


def let_convert_fail(monkeypatch: pytest.MonkeyPatch, limit: int | None, error: Exception) -> None:
    def run(_: object) -> None:
        raise error

    monkeypatch.setattr(app, "_run", run)
    monkeypatch.setattr(memory_limits, "address_space_limit", lambda: limit)
    monkeypatch.setattr(sys, "argv", ["faceloom", "convert"])


@pytest.mark.parametrize(
    ("limit", "error", "expected"),
    [
        (None, MemoryError(), "There is too little memory to finish; close other programs, use "
         "--workers 1, and run the same command again."),
        (2**40, refused(RuntimeError("std::bad_alloc")), "There is too little memory to finish; "
         "raise the limit of this process (ulimit -v), use --workers 1, and run the same command "
         "again."),
        (None, PartlyDone("Out of memory."), "Out of memory."),
        (2_000_000_000, AttributeError("no attribute 'version'"), "The command failed "
         "(AttributeError: no attribute 'version'), perhaps because this process may have only "
         "2000 MB of address space; raise the limit (ulimit -v) and run the same command again."),
    ],
)  # fmt: skip
def test_exhausted_memory_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: int | None,
    error: Exception,
    expected: str,
) -> None:
    let_convert_fail(monkeypatch, limit, error)
    with pytest.raises(SystemExit) as exit_:
        app.main()
    assert exit_.value.code == 8
    assert capsys.readouterr().err == f"faceloom: {expected}\n"


def test_a_bug_is_not_explained_by_a_large_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    let_convert_fail(monkeypatch, 16_000_000_000, AttributeError("no attribute 'version'"))
    with pytest.raises(AttributeError):
        app.main()


@pytest.mark.parametrize("limit", [None, 1_200_000_000])
def test_a_limit_with_which_a_picture_can_be_converted_is_accepted(
    monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    monkeypatch.setattr(memory_limits, "address_space_limit", lambda: limit)
    memory_limits.check_address_space("convert")


def test_too_low_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limits, "address_space_limit", lambda: 450_000_000)
    with pytest.raises(FaceloomError, match=r"needs more than \d+ MB .* may have 450 MB") as raised:
        memory_limits.check_address_space("convert")
    assert raised.value.exit_code == 8


@pytest.mark.process
def test_a_process_with_little_address_space_is_refused() -> None:
    command = 'ulimit -v 400000 && exec "$@"'
    program = [sys.executable, "-m", "faceloom", "convert", "a.mp4", "--out", "b.mp4"]
    program = ["sh", "-c", command, "sh", *program]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.returncode == 8
    assert ended.stderr.startswith("faceloom: `faceloom convert` needs more than ")
    assert ended.stderr.count("\n") == 1
