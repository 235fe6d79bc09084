"""Networks give the same bytes with any number of threads."""

import numpy as np
import pytest

from faceloom.onnx_session import create_session
from faceloom.weights import FACE_MESH, FACE_PARSER, RETINAFACE_MOBILENET, Weights


@pytest.mark.parametrize(
    ("weights", "shape", "dtype"),
    [
        (FACE_PARSER, (3, 128, 128, 3), np.uint8),
        (FACE_MESH, (1, 192, 192, 3), np.float32),
        (RETINAFACE_MOBILENET, (2, 3, 180, 320), np.float32),
    ],
    ids=lambda value: value.file if isinstance(value, Weights) else "",
)
def test_threads_change_no_bit(weights: Weights, shape: tuple[int, ...], dtype: type) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    results = []
    for threads in (1, 2, 5):
        session = create_session(weights.verified_path(), threads=threads)
        outputs = session.run(None, {session.get_inputs()[0].name: picture})
        results.append([np.asarray(output).tobytes() for output in outputs])
    assert results[1:] == results[:1] * 2
