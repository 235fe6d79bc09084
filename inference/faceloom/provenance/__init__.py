"""What says that a face was exchanged: marks in the file, a label in the picture, consent; and what is refused."""

from faceloom.provenance.consent import Consent, ConsentRecord
from faceloom.provenance.content_check import (
    ContentCheck,
    can_check,
    checked,
    open_detector,
    refuse_frame,
)
from faceloom.provenance.disclosure_mark import Mark, WornFace
from faceloom.provenance.mark_writer import Marked, Marker, Marking, mark_pictures
from faceloom.provenance.verify import EXIT_CODES, Verified, verify
from faceloom.provenance.visible_label import Label

__all__ = [
    "EXIT_CODES",
    "Consent",
    "ConsentRecord",
    "ContentCheck",
    "Label",
    "Mark",
    "Marked",
    "Marker",
    "Marking",
    "Verified",
    "WornFace",
    "can_check",
    "checked",
    "mark_pictures",
    "open_detector",
    "refuse_frame",
    "verify",
]
