"""The networks: an encoder and inter for all, a decoder for each identity."""

from faceloom_train.networks.build import Networks, build_networks

__all__ = ["Networks", "build_networks"]
