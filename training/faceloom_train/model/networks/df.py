"""The `df` network: one encoder and inter for all identities, a decoder for each."""

import keras

from faceloom_train.config.schema import DfNetwork
from faceloom_train.model.networks.blocks import (
    add_mean_face,
    apply_decoder,
    apply_inter,
    build_encoder,
    latent_input,
)

__all__ = ["build_decoders", "build_encoder"]


def build_decoders(config: DfNetwork, count: int) -> tuple[keras.Model, ...]:
    """Build a decoder for each identity; the first `shared_stages` doublings are shared.

    Args:
        config: The network.
        count: Number of identities.

    Returns:
        Models latent [n, latent_dim] -> RGB and mask [n, s, s, 4].
    """
    latent = latent_input(config)
    inter = keras.Model(latent, apply_inter(latent, config, config.shared_stages), name="inter")
    return tuple(_build_decoder(config, inter, f"decoder_{index}") for index in range(count))


def _build_decoder(config: DfNetwork, inter: keras.Model, name: str) -> keras.Model:
    latent = latent_input(config)
    outputs = apply_decoder(
        inter(latent),
        config,
        config.shared_stages,
        latent=latent if config.mean_face_linear else None,
    )
    return keras.Model(latent, add_mean_face(outputs, config), name=name)
