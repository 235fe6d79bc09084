"""The "liae" family: an inter for all, another for each identity, and one decoder that draws from both.

DeepFaceLab's has two inters for two people, AB and B: one is drawn from AB and AB, the other from B and AB, and a swap
draws the second from AB and AB. An inter of its own for each identity beside the one for all is the same without an
order: any number of people, each over each. A swap takes the guest's inter and everything else from the host.
Each inter has half of the decoder's channels, so that a face costs no more than in `df`.
"""

import keras
from keras import layers

from faceloom_train.config.schema import LiaeNetwork
from faceloom_train.model.networks.blocks import (
    build_encoder,
    code_input,
    draw,
    features_input,
    unfold,
    with_template,
)

__all__ = ["build_decoders", "build_encoder"]


def build_decoders(config: LiaeNetwork, identities: int) -> tuple[keras.Model, ...]:
    """Code [n, c] -> RGB and mask [n, s, s, 4] for each identity; all but its inter and template is shared."""
    code = code_input(config)
    inter = keras.Model(code, unfold(code, config, config.inter_stages, 2, "all_"), name="inter")
    features = features_input(config, config.inter_stages)
    drawer = keras.Model(features, draw(features, config, config.inter_stages), name="drawer")
    return tuple(
        _decoder(config, inter, drawer, f"decoder_{number}") for number in range(identities)
    )


def _decoder(
    config: LiaeNetwork, inter: keras.Model, drawer: keras.Model, name: str
) -> keras.Model:
    code = code_input(config)
    own = unfold(code, config, config.inter_stages, 2, "own_")
    drawn = drawer(layers.Concatenate()([own, inter(code)]))
    return keras.Model(code, with_template(drawn, config), name=name)
