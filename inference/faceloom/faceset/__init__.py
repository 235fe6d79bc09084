"""Face sets: the aligned faces of one person, on disk."""

from faceloom.faceset.extract import ExtractOptions, ExtractSummary, extract
from faceloom.faceset.schema import FaceRow
from faceloom.faceset.store import FaceSet, FaceSetWriter

__all__ = ["ExtractOptions", "ExtractSummary", "FaceRow", "FaceSet", "FaceSetWriter", "extract"]
