"""Disclosure of swaps: marks in files, visible labels, consent records and the content check.

It may import `faceloom.faces`, `faceloom.video` and the top-level modules of `faceloom`. The
packages for C2PA and for the content check are extras, which are imported when they are used.
"""

from faceloom.provenance.consent import Consent, ConsentRecord
from faceloom.provenance.content_check import (
    ContentCheck,
    check_frame,
    check_frames,
    content_check_available,
    load_nudity_detector,
)
from faceloom.provenance.disclosure_mark import DisclosureMark, SwappedIdentity
from faceloom.provenance.mark_writer import MarkSettings, MarkWriter, WrittenMarks, mark_images
from faceloom.provenance.verification_report import VerificationReport
from faceloom.provenance.verify import EXIT_CODES, verify
from faceloom.provenance.visible_label import VisibleLabel

__all__ = [
    "EXIT_CODES",
    "Consent",
    "ConsentRecord",
    "ContentCheck",
    "DisclosureMark",
    "MarkSettings",
    "MarkWriter",
    "SwappedIdentity",
    "VerificationReport",
    "VisibleLabel",
    "WrittenMarks",
    "check_frame",
    "check_frames",
    "content_check_available",
    "load_nudity_detector",
    "mark_images",
    "verify",
]
