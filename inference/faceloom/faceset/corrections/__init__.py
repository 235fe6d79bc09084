"""Corrections of single faces of a face set: landmarks that were moved, masks that were painted.

They are files of their own in the face set's folder, so that extraction and curation leave them
alone. `FaceSet.read` applies them, so that every reader of a face set honors them.
"""
