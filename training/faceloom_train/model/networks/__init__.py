"""The networks: one encoder for all identities and a decoder for each, which may share layers.

May import `faceloom_train.config` and `faceloom_train.model.layers`.
"""

from faceloom_train.model.networks.factory import (
    Networks,
    build_landmark_head,
    build_networks,
    iterate_layers,
)

__all__ = ["Networks", "build_landmark_head", "build_networks", "iterate_layers"]
