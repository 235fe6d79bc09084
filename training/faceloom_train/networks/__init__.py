"""The networks: an encoder for all, a decoder for each identity, which share what the kind of network lets them."""

from faceloom_train.networks.build import Networks, build_networks
from faceloom_train.networks.measure import layers_of, multiply_adds

__all__ = ["Networks", "build_networks", "layers_of", "multiply_adds"]
