"""The trained model: augmentation, networks and losses as one Keras model that `fit` runs."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom.faces.mask import BACKGROUND_GRAY
from faceloom_train.augmentation.pipeline import make_augmentation
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.batch_packing import batch_layout
from faceloom_train.data.dataset import network_crop
from faceloom_train.keras_compat import PrebuiltModel
from faceloom_train.model.losses import (
    absolute_error,
    dssim_scales,
    gradient_difference_error,
    high_frequency_error,
    mean_dssim,
    mean_over_faces,
    pixel_weights,
    without_hidden_pixels,
)
from faceloom_train.model.networks import Networks, build_networks
from faceloom_train.model.train_step import run_train_step

# Terms of the loss, by the names of their weights in the configuration.
_LOSS_TERMS = ("dssim", "l1", "gradient_difference", "high_frequency", "mask", "landmarks")


def mask_background(rgb: Any, mask: Any) -> Any:
    """Replace the background by gray, as `faceloom.faces.mask.mask_background` does in conversion.

    From the background the encoder could tell the identity, and the decoders would not have to
    share a latent space.

    Args:
        rgb: [n, s, s, 3], 0 to 1.
        mask: [n, s, s, 1], 0 to 1.
    """
    return rgb * mask + BACKGROUND_GRAY / 255 * (1 - mask)


class SwapModel(PrebuiltModel):
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
        # With autocast Keras would cast coordinates and landmarks to half precision.
        super().__init__(name="swap", autocast=False)
        self.config = config
        self.batch_layout = batch_layout(config)
        self.crop = network_crop(config)
        self.networks: Networks = build_networks(config.network, identities)
        # As attributes, so that Keras tracks and saves them.
        self.encoder = self.networks.encoder
        self.decoders = list(self.networks.decoders)
        self.landmark_head = self.networks.landmark_head
        self._augment = make_augmentation(config.network.size, config.jit_compile)
        self.loss_trackers = {name: keras.metrics.Mean(name) for name in ("loss", *_LOSS_TERMS)}
        self.built = True

    def compile(self, *, micro_batches: int = 1, **kwargs: Any) -> None:
        """Configure the model for training.

        Args:
            micro_batches: Parts of equal size in which a step is computed (see `train_step`).
            **kwargs: Arguments of `keras.Model.compile`.
        """
        super().compile(**kwargs)
        self.micro_batches = micro_batches

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Augment a batch and reconstruct each face with its own identity's decoder.

        Args:
            batch: A batch of `make_dataset`.
            training: Not used; Keras passes it.

        Returns:
            target [n, s, s, c] (RGB, mask and, where the mask is the visible face, mesh mask),
            prediction [n, s, s, 4] (RGB, mask) and landmarks [n, k, 2]. n is identities x faces,
            and the faces of an identity are consecutive, so that each decoder gets a contiguous
            block.
        """
        target, inputs = self.augment_batch(batch)
        latent = self._run(self.encoder, inputs)
        mirrored = _by_identity(batch["mirrored"])
        count = len(self.decoders)
        predictions = self._decode(ops.split(latent, count), ops.split(mirrored, count))
        return {
            "target": target,
            "prediction": ops.concatenate(predictions),
            "landmarks": ops.reshape(
                self.landmark_head(latent), (-1, len(EXPRESSION_LANDMARKS), 2)
            ),
        }

    def augment_batch(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Return the decoders' targets [n, s, s, c] and the encoder's inputs [n, s, s, 3].

        Args:
            batch: A batch of `make_dataset`.
        """
        target, inputs, face_mask = self._augment(
            {name: _by_identity(value) for name, value in batch.items()}
        )
        return target, (
            mask_background(inputs, face_mask) if self.config.mask_background else inputs
        )

    def _decode(self, latents: Sequence[Any], mirrored: Sequence[Any]) -> list[Any]:
        """Run each identity's decoder on its latents."""
        predictions: list[Any] = []
        checkpointing = self.config.gradient_checkpointing
        decoders = self.networks.training_decoders
        for decoder, latent, flags in zip(decoders, latents, mirrored, strict=True):
            # A dependency on the previous decoder makes the backward pass run one decoder after
            # the other; side by side they would need twice the memory.
            dependency = (
                0 * ops.sum(predictions[-1][:1, :1, :1, :1]) if predictions and checkpointing else 0
            )
            predictions.append(
                self._run(decoder, [latent + ops.cast(dependency, latent.dtype), flags])
            )
        return predictions

    def _run(self, network: keras.Model, x: Any) -> Any:
        """Run a network, with gradient checkpointing if it is configured."""
        return keras.remat(network)(x) if self.config.gradient_checkpointing else network(x)

    def train_step(self, *arguments: Any) -> Any:
        """Run one step on the current Keras backend.

        Args:
            *arguments: What Keras passes on that backend.
        """
        return run_train_step(self, arguments)

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the loss and its terms of the last step."""
        return {name: tracker.result() for name, tracker in self.loss_trackers.items()}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the weighted sum of the terms, and update the trackers of it and of each term.

        Args:
            x: The batch.
            y: Not used.
            y_pred: What `call` returned.
            sample_weight: Not used.
            training: Not used.
        """
        config = self.config.loss
        # Split once: the gradient of slicing the last axis is slow.
        prediction, predicted_mask = ops.split(y_pred["prediction"], [3], axis=-1)
        target, mask, outline = ops.split(y_pred["target"], [3, 4], axis=-1)
        if outline.shape[-1]:
            target, prediction = without_hidden_pixels(target, prediction, outline - mask)
        else:
            outline = mask
        weights = pixel_weights(mask, outline, self.crop, config)
        landmarks = _by_identity(x["landmarks"])
        scales = dssim_scales(config, self.crop.size)
        terms = {
            "l1": mean_over_faces(weights, absolute_error(prediction, target)),
            "dssim": mean_dssim(weights, prediction, target, scales),
            "gradient_difference": mean_over_faces(
                weights, gradient_difference_error(prediction, target)
            ),
            "high_frequency": mean_over_faces(weights, high_frequency_error(prediction, target)),
            "mask": ops.mean(ops.abs(predicted_mask - mask)),
            "landmarks": ops.mean(ops.abs(y_pred["landmarks"] - landmarks)),
        }
        total = sum(getattr(config, name) * value for name, value in terms.items())
        for name, value in {"loss": total, **terms}.items():
            self.loss_trackers[name].update_state(value)
        # An infinite loss can have finite gradients; NaN makes the optimizer skip the step.
        return total * ops.where(ops.isfinite(total), 1.0, np.nan)

    def set_mean_faces(self, images: Sequence[np.ndarray]) -> None:
        """Set the mean face that each decoder starts from.

        Args:
            images: RGB and mask [s, s, 4] for each identity, 0 to 1.
        """
        for decoder, image in zip(self.decoders, images, strict=True):
            decoder.get_layer("mean_face").image.assign(image)


def _by_identity(x: Any) -> Any:
    """[face, identity, ...] -> [identity x face, ...]."""
    return ops.reshape(ops.swapaxes(x, 0, 1), (-1, *x.shape[2:]))
