"""The edits of a face set are kept for the next start."""

import os
import sys
from pathlib import Path

import pytest

from faceloom.faceset.corrections.correction_files import CORRECTIONS_FOLDER
from faceloom.studio.faces.face_editor import FaceEditor


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are not UTF-8")
def test_edits_of_a_face_set_whose_path_is_not_utf_8_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    path = folder / CORRECTIONS_FOLDER / "a.json"
    FaceEditor(tmp_path / "edits").history(folder).write({path: b"1"})
    FaceEditor(tmp_path / "edits").history(folder).undo()
    assert not path.exists()
