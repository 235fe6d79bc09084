"""Lids, gaze, mouth and expression weights by name, for measuring: the judge and the review.

Training must not use these networks: the judge that measures its results would lose its
independence. May import the modules of `faces` below it.
"""

from faceloom.faces.expression.blendshapes import BLENDSHAPE_NAMES
from faceloom.faces.expression.expression_reader import ExpressionReader
from faceloom.faces.expression.face_expression import FaceExpression

__all__ = ["BLENDSHAPE_NAMES", "ExpressionReader", "FaceExpression"]
