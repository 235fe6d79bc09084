"""What all trained models have in common: augmentation, losses and the step that `fit` runs."""

from collections.abc import Collection
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom.faces.mask import BACKGROUND_GRAY
from faceloom_train.augmentation.pipeline import make_augmentation
from faceloom_train.config.schema import ConvNetwork, TrainConfig
from faceloom_train.data.batch_packing import batch_layout
from faceloom_train.data.dataset import network_crop
from faceloom_train.keras_compat import PrebuiltModel
from faceloom_train.model.losses import (
    absolute_error,
    displacement_error,
    dssim_scales,
    gradient_difference_error,
    high_frequency_error,
    mean_dssim,
    mean_over_faces,
    pixel_weights,
    with_rim,
    without_hidden_pixels,
    without_mouth_map,
)
from faceloom_train.model.train_step import run_train_step

# Terms of the loss, by the names of their weights in the configuration.
_LOSS_TERMS = (
    "dssim",
    "l1",
    "gradient_difference",
    "high_frequency",
    "mask",
    "landmarks",
    "displacement",
)


def mask_background(rgb: Any, mask: Any) -> Any:
    """Replace the background by gray, as `faceloom.faces.mask.mask_background` does in conversion.

    From the background the encoder could tell the identity, and the decoders would not have to
    share a latent space.

    Args:
        rgb: [n, s, s, 3], 0 to 1.
        mask: [n, s, s, 1], 0 to 1.
    """
    return rgb * mask + BACKGROUND_GRAY / 255 * (1 - mask)


class ReconstructionModel(PrebuiltModel):
    """Augments batches and compares what `call` predicts with the augmented targets."""

    def __init__(self, config: TrainConfig, name: str):
        """Prepare augmentation and losses.

        Args:
            config: The configuration.
            name: The model's name in Keras.
        """
        # With autocast Keras would cast coordinates and landmarks to half precision.
        super().__init__(name=name, autocast=False)
        self.config = config
        self.batch_layout = batch_layout(config)
        self.crop = network_crop(config)
        self._augment = make_augmentation(config.network.size, config.jit_compile)
        self.loss_trackers = {name: keras.metrics.Mean(name) for name in ("loss", *_LOSS_TERMS)}

    def compile(self, *, micro_batches: int = 1, **kwargs: Any) -> None:
        """Configure the model for training.

        Args:
            micro_batches: Parts of equal size in which a step is computed (see `train_step`).
            **kwargs: Arguments of `keras.Model.compile`.
        """
        super().compile(**kwargs)
        self.micro_batches = micro_batches

    def augment_batch(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Return the decoders' targets [n, s, s, c] and the encoder's inputs [n, s, s, 3].

        Args:
            batch: A batch of `make_dataset`.
        """
        target, inputs, face_mask = self._augment(
            {name: by_identity(value) for name, value in batch.items()}
        )
        return target, (
            mask_background(inputs, face_mask) if self.config.mask_background else inputs
        )

    def shared_variables(self) -> Collection[int]:
        """Return the `id` of each variable that belongs to no single identity; none here."""
        return ()

    def train_step(self, *arguments: Any) -> Any:
        """Run one step on the current Keras backend.

        Args:
            *arguments: What Keras passes on that backend.
        """
        return run_train_step(self, arguments)

    def displacement_error(self, batch: dict[str, Any], shift: Any) -> Any:
        """Return the mean error of displacements; 0 if their weight is 0.

        Args:
            batch: The batch.
            shift: Displacements before the tanh [n, k, k, 2], of the last n faces of the batch.
        """
        network = self.config.network
        if not self.config.loss.displacement or not isinstance(network, ConvNetwork):
            return ops.zeros(())
        true = by_identity(batch["displacements"])[-shift.shape[0] :]
        return displacement_error(shift, true, network.mean_face_max_shift)

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
        """Return the loss, and update the trackers of it and of its terms.

        Args:
            x: The batch.
            y: Not used.
            y_pred: What `call` returned.
            sample_weight: Not used.
            training: Not used.
        """
        terms, total = self.compute_terms(x, y_pred)
        for name, value in {"loss": total, **terms}.items():
            self.loss_trackers[name].update_state(value)
        # An infinite loss can have finite gradients; NaN makes the optimizer skip the step.
        return total * ops.where(ops.isfinite(total), 1.0, np.nan)

    def compute_terms(
        self, batch: dict[str, Any], outputs: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """Return the terms of the loss by name, and their weighted sum.

        Args:
            batch: The batch.
            outputs: What `call` returned.
        """
        config = self.config.loss
        # Split once: the gradient of slicing the last axis is slow.
        prediction, predicted_mask = ops.split(outputs["prediction"], [3], axis=-1)
        target, mask, outline = ops.split(outputs["target"], [3, 4], axis=-1)
        if outline.shape[-1]:
            hidden = with_rim(outline - mask)
            target, prediction = without_hidden_pixels(target, prediction, hidden)
        else:
            outline = mask
        weights = pixel_weights(mask, outline, self.crop, config)
        landmarks = by_identity(batch["landmarks"])
        scales = dssim_scales(config, self.crop.size)
        terms = {
            "l1": mean_over_faces(weights, absolute_error(prediction, target)),
            "dssim": mean_dssim(weights, prediction, target, scales),
            "gradient_difference": mean_over_faces(
                weights, gradient_difference_error(prediction, target)
            ),
            "high_frequency": mean_over_faces(
                weights * without_mouth_map(self.crop), high_frequency_error(prediction, target)
            ),
            "mask": ops.mean(ops.abs(predicted_mask - mask)),
            "landmarks": ops.mean(ops.abs(outputs["landmarks"] - landmarks)),
            "displacement": self.displacement_error(batch, outputs.get("shift")),
        }
        return terms, sum(getattr(config, name) * value for name, value in terms.items())


def by_identity(x: Any) -> Any:
    """Merge the first two axes of a batch: [face, identity, ...] -> [identity x face, ...].

    Args:
        x: An array of a batch.
    """
    return ops.reshape(ops.swapaxes(x, 0, 1), (-1, *x.shape[2:]))
