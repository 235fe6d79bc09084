"""The `faceloom` command, and `python -m faceloom`."""

import os
import signal
import sys


def main() -> None:
    """Run the `faceloom` command.

    Until the command's own handler is installed, Ctrl-C ends the process without a traceback.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Imported here: the line above must run first.
    from faceloom.cli import app  # noqa: PLC0415

    try:
        app.main()
    except SystemExit as error:
        if error.code != app.INTERRUPTED:
            raise
        # Native libraries that were interrupted may abort while the interpreter shuts down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(app.INTERRUPTED)


if __name__ == "__main__":
    main()
