"""Weights of two networks that belong together: same layer, same variable, same shape."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import keras

from faceloom_train.model.networks import iterate_layers

# Name of a layer, which is unique within one network, and of its variable, kernel or bias.
VariableName: TypeAlias = tuple[str, str]


def named_variables(network: keras.Model) -> Iterator[tuple[VariableName, keras.Variable]]:
    """Iterate over the trainable variables of a network.

    Args:
        network: The network.

    Yields:
        Name and variable.
    """
    for layer in iterate_layers(network):
        for variable in layer.trainable_variables:
            yield (layer.name, variable.name), variable


def matching_variables(
    network: keras.Model, values: Mapping[VariableName, Any]
) -> Iterator[tuple[keras.Variable, Any]]:
    """Find what can be copied into a network.

    Args:
        network: The network.
        values: Variables or arrays by their names.

    Yields:
        Each variable that has a value of its name and shape, with that value.
    """
    for name, variable in named_variables(network):
        value = values.get(name)
        if value is not None and tuple(value.shape) == tuple(variable.shape):
            yield variable, value
