"""The networks: an encoder for all, a decoder for each identity, which share what the kind of network lets them."""

from faceloom_train.model.networks.complexity import layers_of, multiply_adds
from faceloom_train.model.networks.factory import Networks, build_networks

__all__ = ["Networks", "build_networks", "layers_of", "multiply_adds"]
