"""Export the trained face parsing network to the int8 ONNX file that ships (a maintainer's tool).

python -m faceloom_export.export_face_parser parser.weights.h5 CROWD_FOLDER face_parser.onnx
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import onnx
import tensorflow as tf
import typer
from jaxtyping import Integer, UInt8

from faceloom.array_types import RgbBatch, to_uint8
from faceloom.errors import ArtifactRefused
from faceloom.faces.parsing.regions import CROPS, PARSING_SIDE, REGIONS, Region
from faceloom.onnx_session import create_session
from faceloom_export.graph.int8 import to_int8
from faceloom_export.graph.softmax_axis import softmax_over_last_axis
from faceloom_export.graph.tensorflow_to_onnx import to_onnx, write_onnx
from faceloom_train.backend import prepare_tensorflow
from faceloom_train.crowd import read_crowd
from faceloom_train.face_parsing.network import build_parser
from faceloom_train.face_parsing.validation import region_iou, validation_arrays

# Held-out crops that calibrate int8: every eighth.
_CALIBRATION_STRIDE = 8
# Largest loss of IoU by int8 in any region, and smallest share of pixels with the same region.
_MAX_IOU_DROP = 0.01
_MIN_AGREEMENT = 0.985
# Crops that run at once; it bounds the memory.
_BATCH = 32

Regions = Integer[np.ndarray, "n s s"]


def build_parsing_function(model: keras.Model) -> Any:
    """Return a tf.function from uint8 crops to uint8 region probabilities.

    Args:
        model: The network of `build_parser`.
    """
    spec = tf.TensorSpec((None, PARSING_SIDE, PARSING_SIDE, 3), tf.uint8, name=CROPS)

    @tf.function(input_signature=[spec])
    def parse(crops: Any) -> dict[str, Any]:
        logits = model(tf.cast(crops, tf.float32) / 255, training=False)
        levels = tf.round(tf.nn.softmax(logits) * 255)
        return {REGIONS: tf.cast(levels, tf.uint8)}

    return parse


def export_face_parser(weights: Path, crops: RgbBatch, truth: Regions, out: Path) -> str:
    """Write the int8 graph, if it agrees with the trained network.

    Args:
        weights: The trained weights.
        crops: Held-out crops, which calibrate and check the graph.
        truth: Their `Region` values.
        out: The ONNX file to write.

    Returns:
        A table of the IoU of each region, of the trained network and of the graph.

    Raises:
        ArtifactRefused: The graph loses more IoU than allowed; nothing is written.
    """
    prepare_tensorflow()
    model = build_parser()
    model.load_weights(weights)
    function = build_parsing_function(model)
    with tempfile.TemporaryDirectory() as folder:
        samples = crops[::_CALIBRATION_STRIDE]
        graph = to_int8(to_onnx(function), samples, Path(folder), input_name=CROPS)
    graph = softmax_over_last_axis(graph)
    reference = _predict(lambda batch: function(batch)[REGIONS].numpy(), crops)
    predicted = _predict(_runner(graph), crops)
    before, after = region_iou(truth, reference), region_iou(truth, predicted)
    agreement = float((reference == predicted).mean())
    drop = max(before[region] - after[region] for region in Region)
    if agreement < _MIN_AGREEMENT or drop > _MAX_IOU_DROP:
        raise ArtifactRefused(
            f"The int8 graph differs from {weights}: {agreement:.1%} of the pixels agree and a "
            f"region loses {drop:.3f} of IoU; calibrate with more crops."
        )
    write_onnx(graph, out, {"regions": " ".join(region.name.lower() for region in Region)})
    rows = [f"{r.name.lower():10} {before[r]:.3f} {after[r]:.3f}" for r in Region]
    return "\n".join([f"{'region':10} fp32  int8", *rows, f"agreement  {agreement:.4f}"])


def _runner(graph: onnx.ModelProto) -> Callable[[RgbBatch], UInt8[np.ndarray, "n s s r"]]:
    session = create_session(graph.SerializeToString())
    return lambda batch: np.asarray(session.run([REGIONS], {CROPS: batch})[0])


def _predict(run: Callable[[RgbBatch], UInt8[np.ndarray, "n s s r"]], crops: RgbBatch) -> Regions:
    """Return the most probable region of each pixel."""
    batches = [run(crops[i : i + _BATCH]).argmax(-1) for i in range(0, len(crops), _BATCH)]
    return np.concatenate(batches)


def main(
    weights: Annotated[Path, typer.Argument(help="The trained weights, NAME.weights.h5.")],
    crowd: Annotated[Path, typer.Argument(help="The folder of rendered people.")],
    out: Annotated[Path, typer.Argument(help="The ONNX file to write.")],
) -> None:
    """Export the network and print the IoU of each region on people held out.

    Args:
        weights: The trained weights.
        crowd: The folder of rendered people.
        out: The ONNX file to write.
    """
    images, truth = validation_arrays(read_crowd(crowd, validation=True))
    typer.echo(export_face_parser(weights, to_uint8(images * 255), truth, out))


if __name__ == "__main__":
    typer.run(main)
