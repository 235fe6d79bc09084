"""How far the eyes and the mouth of faces are open."""

from collections.abc import Sequence
from dataclasses import dataclass

from faceloom.faces.expression import ExpressionReader, FaceExpression
from faceloom.faces.quality import Quality
from faceloom.faceset import FaceSet
from faceloom.faceset.schema import FaceRow
from faceloom.progress import Progress, ProgressGenerator


@dataclass(frozen=True, slots=True)
class Opening:
    """How far a face's eyes and mouth are open."""

    eyes: float
    """Lid opening; see FaceExpression."""
    mouth: float
    """Mouth opening in eye widths; see FaceExpression."""

    @classmethod
    def of(cls, expression: FaceExpression, quality: Quality) -> "Opening":
        """Return the openings of a face.

        Args:
            expression: The face's expression.
            quality: The face's quality, whose openings count if the expression cannot be read.
        """
        if not expression.is_readable:
            return cls(quality.eyes_open, quality.mouth_open)
        return cls(expression.lid_opening, expression.mouth)


def measure_openings(faces: FaceSet, rows: Sequence[FaceRow]) -> ProgressGenerator[list[Opening]]:
    """Read the expressions of faces of a face set.

    Args:
        faces: The face set.
        rows: Its faces to measure.

    Yields:
        Progress.

    Returns:
        The openings of each row.

    Raises:
        ArtifactRefused: A crop has another size.
        MediaUnreadable: A crop is damaged.
    """
    reader, openings = ExpressionReader(), list[Opening]()
    for row in rows:
        (expression,) = reader.read([faces.read_crop(row)], [faces.mesh_in_crop(row)])
        openings.append(Opening.of(expression, row.quality))
        yield Progress(f"read expressions of {faces.identity}", len(openings), len(rows))
    return openings
