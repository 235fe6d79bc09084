"""The "df" family: one code and inter for all, and a decoder for each identity."""

import keras

from faceloom_train.config.schema import DfNetwork
from faceloom_train.model.networks.blocks import (
    build_encoder,
    code_input,
    draw,
    unfold,
    with_template,
)

__all__ = ["build_decoders", "build_encoder"]


def build_decoders(config: DfNetwork, identities: int) -> tuple[keras.Model, ...]:
    """Code [n, c] -> RGB and mask [n, s, s, 4] for each identity; the first doublings are shared."""
    code = code_input(config)
    inter = keras.Model(code, unfold(code, config, config.shared_stages), name="inter")
    return tuple(_decoder(config, inter, f"decoder_{number}") for number in range(identities))


def _decoder(config: DfNetwork, inter: keras.Model, name: str) -> keras.Model:
    code = code_input(config)
    drawn = draw(inter(code), config, config.shared_stages)
    return keras.Model(code, with_template(drawn, config), name=name)
