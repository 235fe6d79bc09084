"""The `liae` network: an inter for all identities, one for each, and one decoder for both.

DeepFaceLab's has two inters for two people, AB and B: one person is decoded from AB and AB, the
other from B and AB, and a swap decodes the second from AB and AB. An inter for each identity
besides the shared one does the same without an order: any number of people, each swapped to each
other. A swap uses the source's inter and everything else of the target's. Each inter has half of
the decoder's channels, so that a face costs no more than in `df`.
"""

import keras
from keras import layers

from faceloom_train.config.schema import LiaeNetwork
from faceloom_train.model.networks.blocks import (
    add_mean_face,
    apply_decoder,
    apply_inter,
    build_encoder,
    features_input,
    latent_input,
)

__all__ = ["build_decoders", "build_encoder"]

# Each of the two inters has 1/2 of the decoder's channels.
_INTERS = 2


def build_decoders(config: LiaeNetwork, count: int) -> tuple[keras.Model, ...]:
    """Build a decoder for each identity; all but its inter and mean face is shared.

    Args:
        config: The network.
        count: Number of identities.

    Returns:
        Models latent [n, latent_dim] -> RGB and mask [n, s, s, 4].
    """
    latent, stages = latent_input(config), config.inter_stages
    inter = keras.Model(
        latent, apply_inter(latent, config, stages, _INTERS, "shared_"), name="inter"
    )
    features = features_input(config, stages)
    decoder = keras.Model(features, apply_decoder(features, config, stages), name="shared_decoder")
    return tuple(
        _build_decoder(config, inter, decoder, f"decoder_{index}") for index in range(count)
    )


def _build_decoder(
    config: LiaeNetwork, inter: keras.Model, decoder: keras.Model, name: str
) -> keras.Model:
    latent = latent_input(config)
    own = apply_inter(latent, config, config.inter_stages, _INTERS, "identity_")
    outputs = decoder(layers.Concatenate()([own, inter(latent)]))
    return keras.Model(latent, add_mean_face(outputs, config), name=name)
