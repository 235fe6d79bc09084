"""Two measured face sets without problems."""

from pathlib import Path

import pytest
from tests.helpers.facesets import good_faces
from tests.helpers.reviews import measure_faces

from faceloom.review import FaceSetStatistics


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the face sets `ada` and `ben`."""
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="package")
def ada(folder: Path) -> FaceSetStatistics:
    """Statistics of a face set without problems."""
    return measure_faces(folder, good_faces())


@pytest.fixture(scope="package")
def ben(folder: Path) -> FaceSetStatistics:
    """Statistics of another person's face set without problems."""
    return measure_faces(folder, good_faces(person=1), "ben")
