"""The `faceloom` command, and `python -m faceloom`."""

import signal


def main() -> None:
    """Run the `faceloom` command.

    Until the command's own handler is installed, Ctrl-C ends the process without a traceback.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from faceloom.cli.app import main as run_command  # noqa: PLC0415  after the line above

    run_command()


if __name__ == "__main__":
    main()
