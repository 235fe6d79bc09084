"""The program of the standalone folder: the `faceloom` command and its child processes.

Faceloom starts children as `[sys.executable, "-P", "-m", MODULE, ...]`. In the standalone folder
`sys.executable` is this program, which therefore accepts these options for its own modules.
"""

import multiprocessing
import runpy
import sys
from pathlib import Path
from typing import NoReturn

# Only modules of this package are run.
_PACKAGE = "faceloom"
# Exit codes, see docs/architecture.md. `faceloom.errors` may be the file that is missing.
_USAGE = 2
_MISSING = 4


def main() -> None:
    """Run the program; if a file of the folder is missing or damaged, say so in one sentence."""
    try:
        _run()
    except ImportError as error:
        folder = Path(sys.executable).parent
        reason = " ".join(str(error).split())
        _fail(f"{folder} is incomplete ({reason}); unpack the archive again.", _MISSING)


def _run() -> None:
    """Run the `faceloom` command, or one of its modules as `python -m` does."""
    # In a worker of a multiprocessing pool, this call does the work and does not return.
    multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if arguments[:1] == ["-P"]:
        arguments = arguments[1:]
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        module = arguments[1]
        if module != _PACKAGE and not module.startswith(f"{_PACKAGE}."):
            _fail(f"{module} is not a module of Faceloom; run: faceloom --help", _USAGE)
        sys.argv = [sys.argv[0], *arguments[2:]]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    # Imported here, because a worker does not need it.
    from faceloom.__main__ import main as run_command  # noqa: PLC0415

    run_command()


def _fail(sentence: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"faceloom: {sentence}\n")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
