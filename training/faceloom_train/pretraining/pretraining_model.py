"""What both models of a pretraining have: the encoder and the heads that read its latents."""

from typing import Any

import keras
from keras import layers, ops

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.config.schema import DfNetwork, TrainConfig
from faceloom_train.model.networks import build_landmark_head
from faceloom_train.model.networks.blocks import build_encoder
from faceloom_train.model.reconstruction_model import ReconstructionModel
from faceloom_train.pretraining.performance_pairs import pair_layout


class PretrainingModel(ReconstructionModel):
    """An encoder with linear heads for landmarks and performance; a subclass adds `decoder`."""

    decoder: keras.Model

    def __init__(self, config: TrainConfig, name: str, performance_size: int):
        """Build encoder and heads under Keras' current dtype policy.

        Args:
            config: The configuration of a `df` network whose mean face has light and linear maps.
            name: The model's name in Keras.
            performance_size: Numbers that describe a performance.
        """
        super().__init__(config, name)
        network = config.network
        assert isinstance(network, DfNetwork), "only df networks have a base"
        assert network.mean_face_light, "a base needs mean_face_light"
        assert network.mean_face_linear, "a base needs mean_face_linear"
        self.network = network
        self.batch_layout = pair_layout(config, performance_size)
        self.encoder = build_encoder(network)
        self.landmark_head = build_landmark_head(network.latent_dim)
        self.performance_head = layers.Dense(performance_size, dtype="float32", name="performance")
        self.performance_head.build((None, network.latent_dim))

    @property
    def base_networks(self) -> dict[str, keras.Model]:
        """The networks whose weights are stored, by the names of `WeightKey`."""
        return {
            "encoder": self.encoder,
            "landmark_head": self.landmark_head,
            "decoder": self.decoder,
        }

    def read_heads(self, latent: Any) -> dict[str, Any]:
        """Return landmarks [n, k, 2] and performance [n, p].

        Args:
            latent: [n, latent_dim].
        """
        landmarks = ops.reshape(self.landmark_head(latent), (-1, len(EXPRESSION_LANDMARKS), 2))
        return {"landmarks": landmarks, "performance": self.performance_head(latent)}
