"""Ctrl-C ends a command even if a library swallows the KeyboardInterrupt."""

import signal
import sys
from collections.abc import Iterator

import pytest
import typer

from faceloom.cli import app as app_module
from faceloom.cli.console import progress_display
from faceloom.interrupts import check_interrupt, graceful_stop, recorded_interrupts
from faceloom.progress import Progress


@pytest.fixture(autouse=True)
def _python_handles_sigint() -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def press_and_swallow() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_swallowed_interrupt_is_raised_at_the_next_check() -> None:
    with recorded_interrupts() as record:
        check_interrupt()
        press_and_swallow()
        assert record.received
        with pytest.raises(KeyboardInterrupt):
            check_interrupt()
    check_interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_swallowed_interrupt_is_raised_at_the_next_progress_report() -> None:
    with recorded_interrupts(), progress_display() as report:
        report(Progress("convert", 1, 9))
        press_and_swallow()
        with pytest.raises(KeyboardInterrupt):
            report(Progress("convert", 2, 9))


def test_a_process_that_ignores_sigint_keeps_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with recorded_interrupts() as record:
        signal.raise_signal(signal.SIGINT)
        check_interrupt()
    assert not record.received


def test_finalizers_of_interrupted_objects_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def __del__(self) -> None:
            raise AttributeError("half made")

    hook = sys.unraisablehook
    with recorded_interrupts():
        press_and_swallow()
        del [Broken()][0]
    sys.unraisablehook = hook
    assert capfd.readouterr().err == ""


def test_a_graceful_stop_is_requested_once_and_then_interrupts() -> None:
    with recorded_interrupts(), graceful_stop("nothing") as stop_requested:
        assert not stop_requested()
        signal.raise_signal(signal.SIGINT)
        assert stop_requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("swallowed", [True, False])
def test_a_command_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], swallowed: bool
) -> None:
    """Also if a library lets the command finish although Ctrl-C was pressed."""
    command = typer.Typer()

    @command.command()
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if not swallowed:
                raise

    monkeypatch.setattr(app_module, "build_command", lambda: command)
    monkeypatch.setattr(sys, "argv", ["faceloom"])
    with pytest.raises(SystemExit) as end:
        app_module.main()
    assert end.value.code == 130
    assert capfd.readouterr().err.endswith("stopped; no incomplete output was left.\n")
