"""Lids, gaze, mouth and expression weights by name, for measuring: the judge and the review.

Training must not use these networks: the judge that measures its results would lose its
independence. May import the modules of `faces` below it.
"""

from faceloom.faces.expression.blendshapes import BLENDSHAPE_NAMES
from faceloom.faces.expression.expression_reader import ExpressionReader
from faceloom.faces.expression.face_expression import FaceExpression
from faceloom.faces.expression.lid_opening import SHUT, relative_lid_opening

__all__ = [
    "BLENDSHAPE_NAMES",
    "SHUT",
    "ExpressionReader",
    "FaceExpression",
    "relative_lid_opening",
]
