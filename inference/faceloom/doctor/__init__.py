"""What this machine can do, tried out rather than looked up."""

from faceloom.doctor.report import Finding, ProgressCallback, examine

__all__ = ["Finding", "ProgressCallback", "examine"]
