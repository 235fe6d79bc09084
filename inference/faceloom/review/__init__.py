"""What the footage has and lacks, before a single step is trained."""

from faceloom.review.finding import Finding, Severity
from faceloom.review.report import ReviewSummary, review

__all__ = ["Finding", "ReviewSummary", "Severity", "review"]
