"""The trained networks as the graph that programs for .dfm files run.

Such a program cuts DeepFaceLab's whole face, more or less, and hands over no mask. The network wants its own share of
that square, and gray where no face is. Both are folded into the graph:

- The square is as many pixels wide as leaves the network's crop at its own scale, so that it is cut out and
  nothing is resampled (`hosts`).
- The background is hidden twice: by the mean mask of the run's faces, then by the mask that the target's own decoder
  draws of what is seen so. On the sample this halves what the missing mask costs, for a second pass.
"""

from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from jaxtyping import Float32

from faceloom_export.dfm.host_crops import Window
from faceloom_export.graph.tensorflow_to_onnx import to_onnx
from faceloom_train.model.networks import Networks
from faceloom_train.model.swap_model import hide_background

# DeepFaceLab's own files have this opset, and the oldest of the programs reads nothing newer.
OPSET = 12
# The IR version of that opset's time.
_IR = 7
IN_FACE = "in_face:0"
# By position: face of the target, swapped face, its mask.
OUTPUTS = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0")


def dfm_function(
    networks: Networks,
    decoder: int,
    target: int,
    window: Window,
    face_shape: Float32[np.ndarray, "s s"] | None,
) -> Any:
    """Return a tf.function: BGR 0..1 [n, r, r, 3] -> one output for each of OUTPUTS, in 0..1.

    decoder, target: numbers of the decoders that draw the new face, and the mask of the face that is seen.
    window: where the network's crop lies in the host's. face_shape: the mean mask; None for networks that were
    trained with their background.
    """
    beyond = window.beyond().numpy()

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, window.side, window.side, 3), tf.float32, name="in_face")
        ]
    )
    def swap(face: tf.Tensor) -> dict[str, tf.Tensor]:
        seen = window.inner(tf.gather(face, [2, 1, 0], axis=-1))
        shown = (
            seen
            if face_shape is None
            else hide_background(seen, tf.constant(face_shape[..., None]))
        )
        code = networks.encoder(shown)
        mask = _in_range(networks.decoders[target](code))[..., 3:]
        if face_shape is not None:
            code = networks.encoder(hide_background(seen, mask))
        new = _in_range(networks.decoders[decoder](code))
        bgr = tf.gather(new[..., :3], [2, 1, 0], axis=-1)
        # Where the network sees nothing the target's own picture stands, under a mask of 0.
        framed = window.outer(bgr) + face * beyond
        outputs = (window.outer(mask), framed, window.outer(new[..., 3:]))
        return {f"output_{number}": output for number, output in enumerate(outputs)}

    return swap


def dfm_model(function: Any) -> onnx.ModelProto:
    """Convert `dfm_function`'s result to ONNX with the names, order and versions of the format."""
    model = to_onnx(function, OPSET)
    model.ir_version = _IR
    graph = model.graph
    names = {graph.input[0].name: IN_FACE} | {
        f"output_{number}": name for number, name in enumerate(OUTPUTS)
    }
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
    # tf2onnx orders outputs by their keys, which may change; programs read them by position.
    ordered = sorted(graph.output, key=lambda value: OUTPUTS.index(value.name))
    del graph.output[:]
    graph.output.extend(ordered)
    return model


def _in_range(drawn: Any) -> Any:
    return tf.clip_by_value(drawn, 0.0, 1.0)
