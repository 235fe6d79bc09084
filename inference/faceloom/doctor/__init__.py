"""What this machine can do, tried out rather than looked up."""

from faceloom.doctor.report import Finding, Report, examine

__all__ = ["Finding", "Report", "examine"]
