"""The weights of a trained base, with style 0 folded into the convolutions."""

import numpy as np
from keras import ops

from faceloom_train.model.networks import iterate_layers
from faceloom_train.pretraining.base_model import STYLE_PREFIX, BaseModel, StyleModulation
from faceloom_train.pretraining.encoder_model import EncoderModel
from faceloom_train.runs.base_weights import BaseWeights, WeightKey
from faceloom_train.runs.weight_matching import named_variables


def folded_weights(model: EncoderModel | BaseModel) -> BaseWeights:
    """Return the weights that a new run starts from.

    Args:
        model: The trained model.

    Returns:
        The weights of encoder, landmark head and decoder by network, layer and name.
    """
    weights = {
        WeightKey(network, *name): ops.convert_to_numpy(variable)
        for network, graph in model.base_networks.items()
        for name, variable in named_variables(graph)
        if not name[0].startswith(STYLE_PREFIX)
    }
    for graph in model.base_networks.values():
        for layer in iterate_layers(graph):
            if isinstance(layer, StyleModulation):
                _fold(layer, weights)
    return weights


def _fold(style: StyleModulation, weights: dict[WeightKey, np.ndarray]) -> None:
    """Scale and shift the convolution of a style layer."""
    convolution = style.name.removeprefix(STYLE_PREFIX)
    gain, offset = (ops.convert_to_numpy(values)[0] for values in (style.gain, style.offset))
    kernel, bias = (WeightKey("decoder", convolution, name) for name in ("kernel", "bias"))
    weights[kernel] = weights[kernel] * (1 + gain)
    weights[bias] = weights[bias] * (1 + gain) + offset
