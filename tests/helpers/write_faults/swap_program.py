"""Run `faceloom swap` with a fake program for its commands: only its own writes are counted.

These are project, people and log. The real commands have scenarios of their own.
"""

import sys

from tests.helpers.fakes import faceloom_program

from faceloom import __main__
from faceloom.project import step_process


def main() -> None:
    """Run the command; the words after the module's name are its options."""
    step_process.PROGRAM = (sys.executable, "-S", faceloom_program.__file__)
    sys.argv = ["faceloom", "swap", *sys.argv[3:]]
    __main__.main()
