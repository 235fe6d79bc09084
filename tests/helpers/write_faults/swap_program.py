"""`faceloom swap` whose commands only pretend, so that its own writes fail: project, people, log.

The commands that it starts have scenarios of their own.
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
