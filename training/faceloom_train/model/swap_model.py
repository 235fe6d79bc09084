"""The trained model: augmentation, networks and losses as one Keras model that `fit` runs."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.config.schema import TrainConfig
from faceloom_train.model.lids import lids_gain_map
from faceloom_train.model.networks import Networks, build_networks
from faceloom_train.model.reconstruction_model import ReconstructionModel, by_identity


class SwapModel(ReconstructionModel):
    """Learns to reconstruct each identity from a latent that all identities share.

    Besides the decoders, a linear head predicts the landmarks, less each identity's median, from
    the latent. This keeps the performance in the latent, encoded the same way for all identities.
    """

    def __init__(self, config: TrainConfig, identities: Sequence[str]):
        """Build the networks under Keras' current dtype policy.

        Args:
            config: The configuration.
            identities: The identities, in the order of their decoders.
        """
        super().__init__(config, "swap")
        self.networks: Networks = build_networks(config.network, identities)
        # As attributes, so that Keras tracks and saves them.
        self.encoder = self.networks.encoder
        self.decoders = list(self.networks.decoders)
        self.landmark_head = self.networks.landmark_head
        if config.lids_gain > 1:
            gain_map = lids_gain_map(self.crop, config.lids_gain)
            for decoder in self.decoders:
                decoder.get_layer("mean_face").lids_gain_map = gain_map
        self.built = True

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Augment a batch and reconstruct each face with its own identity's decoder.

        Args:
            batch: A batch of `make_dataset`.
            training: Not used; Keras passes it.

        Returns:
            target [n, s, s, c] (RGB, mask and, where the mask is the visible face, mesh mask),
            prediction [n, s, s, 4] (RGB, mask), landmarks [n, k, 2] and, if the mean face may
            shift, shift [n, g, g, 2], its displacements before the tanh. n is identities x faces,
            and the faces of an identity are consecutive, so that each decoder gets a contiguous
            block.
        """
        target, inputs = self.augment_batch(batch)
        latent = self._run(self.encoder, inputs)
        mirrored = by_identity(batch["mirrored"])
        count = len(self.decoders)
        outputs = self._decode(ops.split(latent, count), ops.split(mirrored, count))
        return {
            "target": target,
            **{name: ops.concatenate([own[name] for own in outputs]) for name in outputs[0]},
            "landmarks": ops.reshape(
                self.landmark_head(latent), (-1, len(EXPRESSION_LANDMARKS), 2)
            ),
        }

    def _decode(self, latents: Sequence[Any], mirrored: Sequence[Any]) -> list[dict[str, Any]]:
        """Run each identity's decoder on its latents."""
        outputs: list[dict[str, Any]] = []
        checkpointing = self.config.gradient_checkpointing
        decoders = self.networks.training_decoders
        for decoder, latent, flags in zip(decoders, latents, mirrored, strict=True):
            # A dependency on the previous decoder makes the backward pass run one decoder after
            # the other; side by side they would need twice the memory.
            dependency = (
                0 * ops.sum(outputs[-1]["prediction"][:1, :1, :1, :1])
                if outputs and checkpointing
                else 0
            )
            outputs.append(self._run(decoder, [latent + ops.cast(dependency, latent.dtype), flags]))
        return outputs

    def _run(self, network: keras.Model, x: Any) -> Any:
        """Run a network, with gradient checkpointing if it is configured."""
        return keras.remat(network)(x) if self.config.gradient_checkpointing else network(x)

    def shared_variables(self) -> Collection[int]:
        """Return the `id` of each variable of the encoder, the head and what decoders share."""
        counts = Counter(id(v) for network in self.decoders for v in network.trainable_variables)
        everywhere = {key for key, count in counts.items() if count == len(self.decoders) > 1}
        own = (*self.encoder.trainable_variables, *self.landmark_head.trainable_variables)
        return everywhere | {id(variable) for variable in own}

    def set_mean_faces(self, images: Sequence[np.ndarray]) -> None:
        """Set the mean face that each decoder starts from.

        Args:
            images: RGB and mask [s, s, 4] for each identity, 0 to 1.
        """
        for decoder, image in zip(self.decoders, images, strict=True):
            decoder.get_layer("mean_face").image.assign(image)
