"""Too little memory ends a command with a sentence and its exit code, at the start if known."""

import subprocess
import sys

import pytest

from faceloom.cli import app
from faceloom.errors import ArtifactRefused, FaceloomError, PartlyDone


def refused(cause: Exception) -> Exception:
    error = ArtifactRefused("onnxruntime cannot load swap.onnx; replace the file.")
    error.__cause__ = cause
    return error


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
    def run(_: object) -> None:
        raise error

    monkeypatch.setattr(app, "_run", run)
    monkeypatch.setattr(app, "address_space_limit", lambda: limit)
    monkeypatch.setattr(sys, "argv", ["faceloom", "convert"])
    with pytest.raises(SystemExit) as exit_:
        app.main()
    assert exit_.value.code == 8
    assert capsys.readouterr().err == f"faceloom: {expected}\n"


def test_a_known_lack_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "address_space_limit", lambda: 450_000_000)
    with pytest.raises(FaceloomError, match=r"needs more than \d+ MB .* may have 450 MB") as raised:
        app.check_address_space("convert")
    assert raised.value.exit_code == 8
    monkeypatch.setattr(app, "address_space_limit", lambda: None)
    app.check_address_space("convert")


@pytest.mark.process
def test_a_process_with_little_address_space_is_refused() -> None:
    command = 'ulimit -v 400000 && exec "$@"'
    program = [sys.executable, "-m", "faceloom", "convert", "a.mp4", "--out", "b.mp4"]
    program = ["sh", "-c", command, "sh", *program]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.returncode == 8
    assert ended.stderr.startswith("faceloom: `faceloom convert` needs more than ")
    assert ended.stderr.count("\n") == 1
