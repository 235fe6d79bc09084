"""The trained networks as the graph that host programs of .dfm files run.

A host program crops a face about as DeepFaceLab's whole face and passes no mask. The network
expects its own part of that square, with gray where no face is. The graph does both:

- The input's side is chosen so that the network's crop has the same scale: it is cut out and
  nothing is resampled (`host_crops`).
- The background is masked twice: by the mean mask of the run's faces, then by the mask that the
  target identity's own decoder predicts from that. On the sample the second pass halves the error
  that the missing mask causes.
"""

from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from jaxtyping import Float32

from faceloom_export.dfm.host_crops import CropWindow
from faceloom_export.graph.tensorflow_to_onnx import to_onnx
from faceloom_train.model.networks import Networks
from faceloom_train.model.reconstruction_model import mask_background

# The opset of DeepFaceLab's own files; the oldest host program reads nothing newer.
OPSET = 12
# The ONNX IR version that belongs to this opset.
_IR_VERSION = 7
# Name of the input.
IN_FACE = "in_face:0"
# Names of the outputs; host programs read them by position: the target's mask, the swapped face,
# its mask.
OUTPUTS = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0")


def build_dfm_function(
    networks: Networks,
    decoder: int,
    target: int,
    window: CropWindow,
    face_mask: Float32[np.ndarray, "s s"] | None,
) -> Any:
    """Build the tf.function of a .dfm.

    Args:
        networks: The trained networks.
        decoder: Index of the decoder that renders the new face.
        target: Index of the decoder that predicts the mask of the target's face.
        window: Position of the network's crop in the host program's crop.
        face_mask: The mean mask, 0..1; None for networks that were trained with the background.

    Returns:
        A tf.function: BGR 0..1 [n, r, r, 3] -> one output per name of OUTPUTS, in 0..1.
    """
    outside = window.outside().numpy()

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, window.side, window.side, 3), tf.float32, name="in_face")
        ]
    )
    def swap(face: tf.Tensor) -> dict[str, tf.Tensor]:
        crop = window.cut(tf.gather(face, [2, 1, 0], axis=-1))
        masked = (
            crop if face_mask is None else mask_background(crop, tf.constant(face_mask[..., None]))
        )
        latent = networks.encoder(masked)
        mask = _clip(networks.decoders[target](latent))[..., 3:]
        if face_mask is not None:
            latent = networks.encoder(mask_background(crop, mask))
        prediction = _clip(networks.decoders[decoder](latent))
        bgr = tf.gather(prediction[..., :3], [2, 1, 0], axis=-1)
        # Outside the network's crop the output is the target's own picture, where the mask is 0.
        framed = window.place(bgr) + face * outside
        outputs = (window.place(mask), framed, window.place(prediction[..., 3:]))
        return {f"output_{index}": output for index, output in enumerate(outputs)}

    return swap


def to_dfm_model(function: Any) -> onnx.ModelProto:
    """Convert a function to ONNX with the names, order and versions of the .dfm format.

    Args:
        function: The result of `build_dfm_function`.
    """
    model = to_onnx(function, OPSET)
    model.ir_version = _IR_VERSION
    graph = model.graph
    names = {graph.input[0].name: IN_FACE} | {
        f"output_{index}": name for index, name in enumerate(OUTPUTS)
    }
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
    # tf2onnx orders outputs by their keys, which may change; host programs read them by position.
    ordered = sorted(graph.output, key=lambda value: OUTPUTS.index(value.name))
    del graph.output[:]
    graph.output.extend(ordered)
    return model


def _clip(prediction: Any) -> Any:
    return tf.clip_by_value(prediction, 0.0, 1.0)
