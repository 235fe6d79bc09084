"""Check what works on this machine, by running it.

One module for each subject; each has a function `check` that yields results. May import everything
below `cli`.
"""

from faceloom.doctor.check_result import CheckResult
from faceloom.doctor.report import DoctorReport, run_checks

__all__ = ["CheckResult", "DoctorReport", "run_checks"]
