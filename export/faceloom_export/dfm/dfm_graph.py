"""The trained networks as the graph that host programs of .dfm files run.

A host program crops a face about as DeepFaceLab's whole face and passes no mask. The network
expects its own part of that square, with gray where no face is. The graph does both:

- The input's side is chosen so that the network's crop has the same scale, or is larger by a whole
  factor for programs that need more pixels: then the input is averaged and the output enlarged
  (`host_crops`).
- The background is masked twice: by the mean mask of the run's faces, then by the mask that the
  target identity's own decoder predicts from that. On the sample the second pass halves the error
  that the missing mask causes.

For programs that show the whole square, the graph pastes the new face into it itself.
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
# Width of the edge of a face that is pasted, in sides of the network's crop.
_EDGE = 0.06
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
    *,
    blends: bool,
) -> Any:
    """Build the tf.function of a .dfm.

    Args:
        networks: The trained networks.
        decoder: Index of the decoder that renders the new face.
        target: Index of the decoder that predicts the mask of the target's face.
        window: Position of the network's crop in the host program's crop.
        face_mask: The mean mask, 0..1; None for networks that were trained with the background.
        blends: Paste the new face, in the target's mean color, into the target's picture.

    Returns:
        A tf.function: BGR 0..1 [n, r, r, 3] -> one output per name of OUTPUTS, in 0..1.
    """
    outside = window.outside()

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, window.host_side, window.host_side, 3), tf.float32, name="in_face")
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
        rgb, own_mask = prediction[..., :3], prediction[..., 3:]
        weight = 1 - outside
        if blends:
            inside = soft_inside(tf.minimum(mask, own_mask))
            rgb, weight = match_mean(rgb, crop, inside), _clip(window.place(inside))
        bgr = tf.gather(_clip(window.place(rgb)), [2, 1, 0], axis=-1)
        # Elsewhere the output is the target's own picture.
        framed = weight * bgr + (1 - weight) * face
        outputs = (_clip(window.place(mask)), framed, _clip(window.place(own_mask)))
        return {f"output_{index}": output for index, output in enumerate(outputs)}

    return swap


def soft_inside(mask: Any) -> Any:
    """Shrink a mask by its edge's width and soften it.

    Args:
        mask: Tensor [n, s, s, 1] in 0..1.

    Returns:
        A tensor of the same shape and range, 0 outside the mask.
    """
    reach = round(_EDGE * mask.shape[1] / 2)
    width = 2 * reach + 1
    # Nothing is inside beyond the crop.
    padded = tf.pad(mask, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    eroded = -tf.nn.max_pool2d(-padded, width, 1, "VALID")
    # Two averages of half the width reach no farther than what was removed.
    half = 2 * (width // 4) + 1
    for _ in range(2):
        eroded = tf.nn.avg_pool2d(eroded, half, 1, "SAME")
    return eroded


def match_mean(face: Any, target: Any, mask: Any) -> Any:
    """Give a face the target's mean color inside a mask.

    Args:
        face: Tensor [n, s, s, 3].
        target: Tensor of the same shape.
        mask: Weight of each pixel, [n, s, s, 1].
    """
    total = tf.reduce_sum(mask, (1, 2), keepdims=True)
    difference = tf.reduce_sum(mask * (target - face), (1, 2), keepdims=True)
    return face + difference / tf.maximum(total, 1.0)


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
