"""Face recognition: an embedding of 192 numbers whose cosine tells people apart."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.alignment import crop_face, umeyama
from faceloom.onnx_session import open_face_model
from faceloom.weights import MOBILEFACENET

# Numbers in an embedding.
EMBEDDING_SIZE = 192
# Side of the network's input in pixels.
_INPUT_SIDE = 112
# ArcFace's template: the five points in pixels of the input (insightface, MIT).
_ARCFACE_112 = float32(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
# Smallest norm to divide by, so that a zero vector stays zero.
_MIN_NORM = 1e-9

# Cosine above which two faces are taken for one person. On research pictures the same person has a
# mean of .89 (5 % below .72), different people .03 (1 % above .36).
SAME_PERSON_SIMILARITY = 0.45
# Degrees of yaw beyond which an embedding says little about the person.
MAX_YAW = 50.0


class MobileFaceNet:
    """The recognition network."""

    def __init__(self, threads: int = 0) -> None:
        """Open the network.

        Args:
            threads: Threads of the network; 0 means one for each core.
        """
        self._session = open_face_model(MOBILEFACENET, threads)

    def embed(
        self, pictures: Sequence[Rgb], points_xy: Sequence[Points]
    ) -> Float32[np.ndarray, "n 192"]:
        """Return the embedding of one face of each picture.

        Args:
            pictures: n pictures.
            points_xy: The five points of each picture's face, in its pixels.

        Returns:
            Unit vectors.
        """
        crops = [
            crop_face(picture, umeyama(points, _ARCFACE_112), _INPUT_SIDE)
            for picture, points in zip(pictures, points_xy, strict=True)
        ]
        if not crops:
            return np.zeros((0, EMBEDDING_SIZE), np.float32)
        faces = (float32(np.stack(crops)) - 127.5) / 128
        # One face a run: a batch is no faster, as its activations do not fit the cache.
        embeddings = np.concatenate(
            [self._session.run(None, {"input": face[None]})[0] for face in faces]
        )
        return float32(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))


def unit_vectors(vectors: Float32[np.ndarray, "... k"]) -> Float32[np.ndarray, "... k"]:
    """Divide vectors by their lengths.

    Args:
        vectors: Vectors along the last axis.

    Returns:
        Vectors of length 1; a zero vector stays zero.
    """
    # A single vector's norm is a dot product, which is faster and rounds differently.
    axis = None if vectors.ndim == 1 else -1
    norms = np.linalg.norm(vectors, axis=axis, keepdims=True)
    return float32(vectors / np.maximum(norms, _MIN_NORM))
