"""What a graph is made of, and what it costs."""

import math
from collections.abc import Iterator

import keras

from faceloom_train.model.networks.factory import Networks


def layers_of(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a graph and of the graphs inside it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)
        else:
            yield layer


def multiply_adds(networks: Networks) -> int:
    """Return the multiplications of one face's way through encoder and decoder, of convolutions and dense layers."""
    layers = (*layers_of(networks.encoder), *layers_of(networks.decoders[0]))
    weighted = [layer for layer in layers if hasattr(layer, "kernel")]
    return sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in weighted
    )
