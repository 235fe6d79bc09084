"""Face sets: the aligned faces of one person on disk, their extraction and curation.

May import `faces`, `video` and the root modules.
"""

from faceloom.faceset.curate import CurateOptions, CurateSummary, curate, drop_faces, undo_curate
from faceloom.faceset.extract import ExtractOptions, ExtractSummary, extract
from faceloom.faceset.filters import Condition
from faceloom.faceset.schema import FaceRow
from faceloom.faceset.store import FaceSet, FaceSetWriter

__all__ = [
    "Condition",
    "CurateOptions",
    "CurateSummary",
    "ExtractOptions",
    "ExtractSummary",
    "FaceRow",
    "FaceSet",
    "FaceSetWriter",
    "curate",
    "drop_faces",
    "extract",
    "undo_curate",
]
