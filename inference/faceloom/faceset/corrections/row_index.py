"""Read single rows of a face set without reading the others."""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faceset.schema import SCHEMA, FaceRow, FaceSetFile
from faceloom.faceset.store import FACESET_FILE, MAX_ROW_BYTES, ROWS_FILE, read_row_lines
from faceloom.json_documents import first_validation_error, read_document
from faceloom.safe_read import check_no_symlinks

# The path of a crop in a row, which contains no other text of this form.
_IMAGE = re.compile(rb'"(crops/[0-9A-Za-z_-]{1,100}\.jpg)"')


@dataclass(frozen=True, slots=True)
class RowIndex:
    """The place of each row in a face set's file. It is valid until the file changes."""

    directory: Path
    """The face set."""
    file: FaceSetFile
    """Its `faceset.json`."""
    offsets: Mapping[bytes, list[int]]
    """Offsets of the rows in `faces.jsonl` in bytes, by the path of the crop, including rows of an
    addition that was killed."""

    @classmethod
    def open(cls, directory: Path) -> "RowIndex":
        """Find the rows of a face set.

        Args:
            directory: The face set.

        Raises:
            ArtifactRefused: The face set is damaged, or contains a symbolic link.
        """
        check_no_symlinks(directory)
        file = read_document(directory / FACESET_FILE, FaceSetFile, SCHEMA, "face set")
        offsets, offset = defaultdict[bytes, list[int]](list), 0
        for line in read_row_lines(directory):
            if image := _IMAGE.search(line):
                offsets[image[1]].append(offset)
            offset += len(line)
        return cls(directory, file, dict(offsets))

    def read(self, image: str) -> FaceRow:
        """Read the row of a face as extraction wrote it.

        Args:
            image: Path of the crop in the face set.

        Raises:
            UsageError: The face set has no such face.
            ArtifactRefused: The row is damaged.
        """
        for offset in self.offsets.get(os.fsencode(image), ()):
            row = self._read_at(offset)
            if row.image == image and row.file < len(self.file.files):
                return row
        raise UsageError(f"{self.directory} has no face {image!r}; load the page again.")

    def _read_at(self, offset: int) -> FaceRow:
        path = self.directory / ROWS_FILE
        with path.open("rb") as file:
            file.seek(offset)
            line = file.readline(MAX_ROW_BYTES)
        try:
            return FaceRow.model_validate_json(line)
        except ValidationError as error:
            raise ArtifactRefused(
                f"{path}, at byte {offset}: {first_validation_error(error)}."
            ) from error
