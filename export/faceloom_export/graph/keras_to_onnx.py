"""Build an ONNX graph from a sequence of Keras layers, given as configurations and weights."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class UnsupportedLayer(Exception):
    """A layer, or a setting of one, that cannot be converted."""


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """A layer as Keras writes it to a file."""

    class_name: str
    """Name of the layer's class, such as "Conv2D"."""
    name: str
    """Name of the layer."""
    config: dict[str, Any]
    """The layer's configuration."""
    weights_path: str
    """Path of the layer's weights in the HDF5 file."""


class OnnxGraphBuilder:
    """Builds a graph layer by layer from an NHWC input; inside the graph images are NCHW.

    Keras flattens images in HWC order. The rows of the next dense layer's weights are reordered
    to CHW instead of transposing the image.

    Attributes:
        input: Name of the input, [batch, height, width, channels].
        output: Name of the current output.
        shape: Shape of the current output without the batch axis: (channels, height, width), or
            (features,) after Flatten.
        nodes: The nodes so far.
        constants: The constants so far.
    """

    def __init__(self, size: int, channels: int = 3):
        """Start with an input of square images.

        Args:
            size: Side of the images in pixels.
            channels: Number of channels.
        """
        self.input = "in_face:0"
        self.output = self.input
        self.shape: tuple[int, ...] = (channels, size, size)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        # Shape before the last Flatten, which gives the order of the next dense layer's inputs.
        self._flattened_shape: tuple[int, ...] | None = None
        self._append("Transpose", perm=[0, 3, 1, 2])

    def add_constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant.

        Args:
            name: Name of the constant.
            value: Its value.

        Returns:
            The name.
        """
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, layer: LayerSpec, weights: list[np.ndarray | None]) -> None:
        """Add a layer.

        Args:
            layer: The layer.
            weights: Its kernel and bias; ignored for layers without weights.

        Raises:
            UnsupportedLayer: If the layer or one of its settings cannot be converted.
        """
        if layer.class_name == "InputLayer":
            return
        if layer.class_name in ("Conv2D", "Dense"):
            kernel, bias = weights
            if kernel is None or bias is None:
                raise UnsupportedLayer(f"the weights of {layer.name} are missing")
            add = self._add_conv2d if layer.class_name == "Conv2D" else self._add_dense
            add(layer, kernel, bias)
        else:
            self._add_without_weights(layer)

    def _add_without_weights(self, layer: LayerSpec) -> None:
        config = layer.config
        if layer.class_name == "LeakyReLU":
            self._add_activation("LeakyReLU", config, layer)
        elif layer.class_name == "Activation":
            self._add_activation(config.get("activation"), config, layer)
        elif layer.class_name == "Flatten":
            self._flattened_shape, self.shape = self.shape, (math.prod(self.shape),)
            self._append("Flatten")
        elif layer.class_name == "Reshape":
            self._add_reshape(config, layer)
        elif layer.class_name in ("PixelShuffler", "DepthToSpace"):
            self._add_depth_to_space(config, layer)
        elif layer.class_name != "Dropout":
            raise UnsupportedLayer(
                f"the layer {layer.name} is a {layer.class_name}, which is not supported"
            )

    def _add_conv2d(self, layer: LayerSpec, kernel: np.ndarray, bias: np.ndarray) -> None:
        config = layer.config
        channels, height, width = self._image_shape(layer)
        supported = {
            "padding": "same",
            "dilation_rate": [1, 1],
            "groups": 1,
            "data_format": "channels_last",
        }
        _check_settings(layer, supported)
        if kernel.ndim != 4 or kernel.shape[2] != channels or bias.shape != kernel.shape[3:]:
            raise UnsupportedLayer(f"the weights of {layer.name} have the shape {kernel.shape}")
        stride_y, stride_x = config.get("strides", [1, 1])
        pads = [
            _same_padding(height, kernel.shape[0], stride_y),
            _same_padding(width, kernel.shape[1], stride_x),
        ]
        self._append(
            "Conv",
            self.add_constant(f"{layer.weights_path}/kernel", kernel.transpose(3, 2, 0, 1)),
            self.add_constant(f"{layer.weights_path}/bias", bias),
            pads=[before for before, _ in pads] + [after for _, after in pads],
            strides=[stride_y, stride_x],
        )
        self.shape = (kernel.shape[3], -(-height // stride_y), -(-width // stride_x))
        self._add_activation(config.get("activation"), {}, layer)

    def _add_dense(self, layer: LayerSpec, kernel: np.ndarray, bias: np.ndarray) -> None:
        if len(self.shape) != 1 or kernel.shape[:1] != self.shape or bias.shape != kernel.shape[1:]:
            raise UnsupportedLayer(f"the weights of {layer.name} have the shape {kernel.shape}")
        if self._flattened_shape:
            channels, height, width = self._flattened_shape
            kernel = (
                kernel.reshape(height, width, channels, -1)
                .transpose(2, 0, 1, 3)
                .reshape(kernel.shape)
            )
            self._flattened_shape = None
        self._append(
            "Gemm",
            self.add_constant(f"{layer.weights_path}/kernel", kernel),
            self.add_constant(f"{layer.weights_path}/bias", bias),
        )
        self.shape = bias.shape
        self._add_activation(layer.config.get("activation"), {}, layer)

    def _add_reshape(self, config: dict[str, Any], layer: LayerSpec) -> None:
        shape = config.get("target_shape", [])
        if len(shape) != 3 or self.shape != (math.prod(shape),) or self._flattened_shape:
            raise UnsupportedLayer(f"{layer.name} reshapes {self.shape} to {shape}")
        height, width, channels = shape
        target = np.array([-1, *shape], np.int64)
        self._append("Reshape", self.add_constant(f"{layer.weights_path}/{layer.name}", target))
        self._append("Transpose", perm=[0, 3, 1, 2])
        self.shape = (channels, height, width)

    def _add_depth_to_space(self, config: dict[str, Any], layer: LayerSpec) -> None:
        channels, height, width = self._image_shape(layer)
        block = config.get("size", config.get("block", 2))
        block = block[0] if isinstance(block, list) else block
        if block != 2 or channels % 4:
            raise UnsupportedLayer(f"{layer.name} enlarges {channels} channels by {block}")
        self._append("DepthToSpace", blocksize=2, mode="DCR")
        self.shape = (channels // 4, 2 * height, 2 * width)

    def _add_activation(self, kind: Any, config: dict[str, Any], layer: LayerSpec) -> None:
        if kind == "LeakyReLU":
            slope = float(config.get("negative_slope", config.get("alpha", 0.3)))
            self._append("LeakyRelu", alpha=slope)
        elif kind == "sigmoid":
            self._append("Sigmoid")
        elif kind not in (None, "linear"):
            raise UnsupportedLayer(
                f"{layer.name} has the activation {kind}, which is not supported"
            )

    def _image_shape(self, layer: LayerSpec) -> tuple[int, int, int]:
        if len(self.shape) != 3:
            raise UnsupportedLayer(f"{layer.name} needs an image and its input is {self.shape}")
        channels, height, width = self.shape
        return channels, height, width

    def _append(self, operator: str, *constants: str, **attributes: Any) -> None:
        """Append a node that takes the current output and constants."""
        result = f"value_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, [self.output, *constants], [result], **attributes)
        )
        self.output = result


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the pixels that padding "same" adds before and after; an odd one goes after.

    This is the formula that TensorFlow documents for tf.nn.convolution; the ONNX attribute
    auto_pad is not used.
    """
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def _check_settings(layer: LayerSpec, supported: dict[str, Any]) -> None:
    for key, value in supported.items():
        actual = layer.config.get(key, value)
        if actual != value:
            raise UnsupportedLayer(
                f"{layer.name} has {key} {actual!r} and only {value!r} is supported"
            )
