"""What an extraction adds to: an existing face set, or nothing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.atomic import check_output_directory
from faceloom.errors import UsageError
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset.corrections.correction_files import CORRECTIONS_FOLDER, corrected_stems
from faceloom.faceset.footage import FootageFile
from faceloom.faceset.similarity import center_of
from faceloom.faceset.store import FACESET_FILE, FaceSet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExtractionBase:
    """The face set that new faces are added to; empty for a new face set."""

    faces: FaceSet | None = None
    """The face set; None for a new one."""
    center: Float32[np.ndarray, "192"] | None = None
    """Unit vector in the middle of its embeddings; None for a new face set."""

    @classmethod
    def open(
        cls,
        inputs: Sequence[Path],
        out: Path,
        name: str,
        *,
        add: bool,
        force: bool,
        pictures: Sequence[Path] = (),
    ) -> "ExtractionBase":
        """Check that a face set may be written, and read the one to add to.

        Args:
            inputs: The footage.
            out: The face set.
            name: The requested name of the person; "" for any.
            add: Whether faces are added to an existing face set.
            force: Whether an existing face set is replaced.
            pictures: Pictures of people, which a replaced face set must not contain.

        Raises:
            UsageError: The face set must not be written, is another person's, or would be replaced
                and has corrections.
            ArtifactRefused: The face set to add to is damaged.
        """
        if add and force:
            raise UsageError("--add keeps the faces of OUT and --force replaces them; choose one.")
        exists = (out / FACESET_FILE).is_file()
        if not (add and exists):
            if exists and not force:
                raise UsageError(
                    f"{out} is a face set already; add this footage to it with --add, replace it "
                    "with --force, or choose another name."
                )
            read = [*inputs, *pictures]
            check_output_directory(out, FACESET_FILE, force=force, inputs=read)
            _check_not_corrected(out)
            return cls()
        if any(path.resolve().is_relative_to(out.resolve()) for path in inputs):
            raise UsageError(f"The footage is inside {out} itself; name footage elsewhere.")
        faces = FaceSet.read(out)
        if name and name != faces.identity:
            raise UsageError(
                f"{out} is the face set of {faces.identity} and not of {name}; leave out --name, "
                "or choose another OUT."
            )
        return cls(faces, center_of(faces.read_embeddings()))

    @property
    def geometry(self) -> CropGeometry | None:
        """Geometry of the existing crops."""
        return self.faces.geometry if self.faces else None

    @property
    def file_count(self) -> int:
        """Footage files of the face set."""
        return len(self.faces.files) if self.faces else 0

    @property
    def face_count(self) -> int:
        """Faces of the face set, without those that were rejected."""
        return len(self.faces) if self.faces else 0

    def new_files(
        self, files: Sequence[FootageFile]
    ) -> tuple[Sequence[FootageFile], Sequence[str]]:
        """Separate footage that the face set does not have yet, by its SHA-256.

        Args:
            files: The footage.

        Returns:
            The new files, and the names of the others.
        """
        if not self.faces:
            return files, ()
        known = {file.sha256 for file in self.faces.files}
        new, names = [], []
        for file in files:
            sha256 = file.sha256()
            if sha256 in known:
                names.append(file.name)
            else:
                new.append(file)
                known.add(sha256)
        return new, names

    def likeness(self, embeddings: Float32[np.ndarray, "n 192"]) -> float:
        """Return the similarity of faces to those of the face set, -1 to 1.

        Args:
            embeddings: Unit vectors; at least one.
        """
        assert self.center is not None, "there is a face set"
        return float(center_of(embeddings) @ self.center)

    def warn_if_unlike(self, embeddings: Float32[np.ndarray, "n 192"]) -> None:
        """Warn if faces look like another person than the face set's.

        Args:
            embeddings: Unit vectors of the faces to add; at least one.
        """
        assert self.faces is not None, "there is a face set"
        likeness = self.likeness(embeddings)
        if likeness < SAME_PERSON_SIMILARITY:
            log.warning(
                "The added faces look unlike %s (similarity %.2f, and %.2f is the least for one "
                "person); look at them, and drop them with: faceloom curate %s --keep-identity "
                "--apply",
                self.faces.identity,
                likeness,
                SAME_PERSON_SIMILARITY,
                self.faces.directory,
            )


def _check_not_corrected(out: Path) -> None:
    if any(corrected_stems(out)):
        raise UsageError(
            f"{out / CORRECTIONS_FOLDER} contains corrections made by hand, which a new extraction "
            f"would remove; move that folder out of {out}, or choose another name."
        )
