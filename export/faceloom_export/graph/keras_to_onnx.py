"""Draw a chain of Keras layers in ONNX, from their settings and weights alone."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class UnknownLayer(Exception):
    """A layer, or a setting of one, that is not known here."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's class, name and settings as Keras writes them, and the place of its weights."""

    kind: str
    name: str
    config: dict[str, Any]
    place: str


class Chain:
    """Grows a graph from NHWC input `taken`, a layer at a time; inside it pictures are NCHW.

    shape: of the value at its end, without the batch. Keras flattens pictures as HWC: the rows of dense
    weights are put in the order of CHW instead, so that only the smallest picture is transposed.
    """

    def __init__(self, size: int, channels: int = 3):
        self.taken = "in_face:0"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.value = self.taken
        self.shape: tuple[int, ...] = (channels, size, size)
        # What was flattened, and so the order of the numbers of the next dense layer's input.
        self._flattened: tuple[int, ...] | None = None
        self._draw("Transpose", perm=[0, 3, 1, 2])

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant; return its name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, layer: Layer, weights: list[np.ndarray | None]) -> None:
        """Add a layer with its kernel and bias; raise UnknownLayer for one that is not known."""
        if layer.kind == "InputLayer":
            return
        if layer.kind in ("Conv2D", "Dense"):
            kernel, bias = weights
            if kernel is None or bias is None:
                raise UnknownLayer(f"the weights of {layer.name} are missing")
            self._convolve(layer, kernel, bias) if layer.kind == "Conv2D" else self._multiply(
                layer, kernel, bias
            )
        else:
            self._transform(layer)

    def _transform(self, layer: Layer) -> None:
        """Add a layer without weights."""
        config = layer.config
        if layer.kind in ("LeakyReLU", "Activation"):
            self._activate(
                layer.kind if layer.kind == "LeakyReLU" else config.get("activation"), config, layer
            )
        elif layer.kind == "Flatten":
            self._flattened, self.shape = self.shape, (math.prod(self.shape),)
            self._draw("Flatten")
        elif layer.kind == "Reshape":
            self._reshape(config, layer)
        elif layer.kind in ("PixelShuffler", "DepthToSpace"):
            self._enlarge(config, layer)
        elif layer.kind != "Dropout":
            raise UnknownLayer(f"the layer {layer.name} is a {layer.kind}, which is not known")

    def _convolve(self, layer: Layer, kernel: np.ndarray, bias: np.ndarray) -> None:
        config = layer.config
        channels, height, width = self._picture(layer)
        known = {
            "padding": "same",
            "dilation_rate": [1, 1],
            "groups": 1,
            "data_format": "channels_last",
        }
        _refuse_other_settings(layer, known)
        if kernel.ndim != 4 or kernel.shape[2] != channels or bias.shape != kernel.shape[3:]:
            raise UnknownLayer(f"the weights of {layer.name} have the shape {kernel.shape}")
        down, across = config.get("strides", [1, 1])
        pads = [_same(height, kernel.shape[0], down), _same(width, kernel.shape[1], across)]
        self._draw(
            "Conv",
            self.constant(f"{layer.place}/kernel", kernel.transpose(3, 2, 0, 1)),
            self.constant(f"{layer.place}/bias", bias),
            pads=[before for before, _ in pads] + [after for _, after in pads],
            strides=[down, across],
        )
        self.shape = (kernel.shape[3], -(-height // down), -(-width // across))
        self._activate(config.get("activation"), {}, layer)

    def _multiply(self, layer: Layer, kernel: np.ndarray, bias: np.ndarray) -> None:
        if len(self.shape) != 1 or kernel.shape[:1] != self.shape or bias.shape != kernel.shape[1:]:
            raise UnknownLayer(f"the weights of {layer.name} have the shape {kernel.shape}")
        if self._flattened:
            channels, height, width = self._flattened
            kernel = (
                kernel.reshape(height, width, channels, -1)
                .transpose(2, 0, 1, 3)
                .reshape(kernel.shape)
            )
            self._flattened = None
        self._draw(
            "Gemm",
            self.constant(f"{layer.place}/kernel", kernel),
            self.constant(f"{layer.place}/bias", bias),
        )
        self.shape = bias.shape
        self._activate(layer.config.get("activation"), {}, layer)

    def _reshape(self, config: dict[str, Any], layer: Layer) -> None:
        shape = config.get("target_shape", [])
        if len(shape) != 3 or self.shape != (math.prod(shape),) or self._flattened:
            raise UnknownLayer(f"{layer.name} reshapes {self.shape} to {shape}")
        height, width, channels = shape
        self._draw(
            "Reshape",
            self.constant(f"{layer.place}/{layer.name}", np.array([-1, *shape], np.int64)),
        )
        self._draw("Transpose", perm=[0, 3, 1, 2])
        self.shape = (channels, height, width)

    def _enlarge(self, config: dict[str, Any], layer: Layer) -> None:
        channels, height, width = self._picture(layer)
        block = config.get("size", config.get("block", 2))
        block = block[0] if isinstance(block, list) else block
        if block != 2 or channels % 4:
            raise UnknownLayer(f"{layer.name} enlarges {channels} channels by {block}")
        self._draw("DepthToSpace", blocksize=2, mode="DCR")
        self.shape = (channels // 4, 2 * height, 2 * width)

    def _activate(self, kind: Any, config: dict[str, Any], layer: Layer) -> None:
        if kind == "LeakyReLU":
            self._draw(
                "LeakyRelu", alpha=float(config.get("negative_slope", config.get("alpha", 0.3)))
            )
        elif kind == "sigmoid":
            self._draw("Sigmoid")
        elif kind not in (None, "linear"):
            raise UnknownLayer(f"{layer.name} has the activation {kind}, which is not known")

    def _picture(self, layer: Layer) -> tuple[int, int, int]:
        if len(self.shape) != 3:
            raise UnknownLayer(f"{layer.name} takes a picture and gets {self.shape} numbers")
        channels, height, width = self.shape
        return channels, height, width

    def _draw(self, kind: str, *constants: str, **settings: Any) -> None:
        result = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.value, *constants], [result], **settings))
        self.value = result


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the pixels that padding "same" adds before and after: where they are odd, one more after.

    As TensorFlow documents it for tf.nn.convolution; ONNX' own automatic padding is not used.
    """
    outside = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return outside // 2, outside - outside // 2


def _refuse_other_settings(layer: Layer, known: dict[str, Any]) -> None:
    for key, value in known.items():
        found = layer.config.get(key, value)
        if found != value:
            raise UnknownLayer(f"{layer.name} has {key} {found!r} and only {value!r} is known")
