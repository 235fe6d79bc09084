"""What says that a face was exchanged: marks in the file, a label in the picture, consent; and what is refused."""

from faceloom.provenance.consent import Consent, ConsentRecord
from faceloom.provenance.content import ContentCheck, can_check, checked, open_detector, refuse_frame
from faceloom.provenance.label import Label
from faceloom.provenance.mark import Mark, WornFace
from faceloom.provenance.marking import Marked, Marker, Marking, mark_pictures
from faceloom.provenance.verify import EXIT_CODES, Verified, verify

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
