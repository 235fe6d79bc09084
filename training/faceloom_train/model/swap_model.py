"""The model that is trained: augmentation, networks and losses as one Keras model that `fit` runs."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom.faces.mask import BACKGROUND_GRAY
from faceloom_train.augmentation.pipeline import make_augmentation
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.batch_packing import Layout
from faceloom_train.data.dataset import network_crop
from faceloom_train.model.losses import (
    absolute_error,
    detail_error,
    dssim_scales,
    gradient_error,
    mean_dssim,
    mean_over_faces,
    pixel_weights,
)
from faceloom_train.model.networks import Networks, build_networks
from faceloom_train.model.train_step import make_step

_PARTS = ("dssim", "l1", "gradient_difference", "high_frequency", "mask", "landmarks")


def mask_background(rgb: Any, mask: Any) -> Any:
    """Replace what lies outside the mask by gray, as `faceloom.faces.mask.mask_background` does on conversion.

    A background tells the encoder who it looks at, and then the decoders need not share a code.
    """
    return rgb * mask + BACKGROUND_GRAY / 255 * (1 - mask)


class SwapModel(keras.Model):
    """Learns to draw each identity from a code that all share.

    Beside the decoders a linear head must read the landmarks, less each identity's median, from the
    code: this keeps the performance in the code, and in the same directions for everybody. A step is
    computed in `parts` equal parts (see `faceloom_train.model.train_step`).
    """

    def __init__(self, config: TrainConfig, identities: Sequence[str], parts: int = 1):
        # Keras would cast places in the crop, and landmarks, to half precision.
        super().__init__(name="swap", autocast=False)
        self.config, self.parts = config, parts
        # How the batches that `fit` is given are packed.
        self.layout: Layout = {}
        self.crop = network_crop(config)
        self.networks: Networks = build_networks(config.network, identities)
        # As attributes of their own, so that Keras tracks and saves them.
        self.encoder = self.networks.encoder
        self.decoders = list(self.networks.decoders)
        self.landmark_head = self.networks.landmarks
        self._augment = make_augmentation(config.network.size, config.jit_compile)
        self.means = {name: keras.metrics.Mean(name) for name in ("loss", *_PARTS)}
        self.built = True

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Augment a batch of `make_dataset` and draw each face as its own identity.

        Returns wanted and drawn [n, s, s, 4] (RGB, mask) and landmarks [n, k, 2]; n = identities x faces, the faces
        of an identity one after the other, so that each decoder takes a block of the memory.
        """
        wanted, seen = self.augmented(batch)
        code = self._run(self.encoder, seen)
        mirrored = _by_identity(batch["mirrored"])
        each = len(self.decoders)
        return {
            "wanted": wanted,
            "drawn": ops.concatenate(self._draw(ops.split(code, each), ops.split(mirrored, each))),
            "landmarks": ops.reshape(self.landmark_head(code), (-1, len(EXPRESSION_LANDMARKS), 2)),
        }

    def augmented(self, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Return what the decoders must draw of a batch, [n, s, s, 4], and what the encoder sees, [n, s, s, 3]."""
        wanted, seen, outline = self._augment(
            {name: _by_identity(value) for name, value in batch.items()}
        )
        return wanted, mask_background(seen, outline) if self.config.mask_background else seen

    def _draw(self, own: Sequence[Any], mirrored: Sequence[Any]) -> list[Any]:
        """Draw each identity's faces, some of them mirrored, by its decoder."""
        drawn: list[Any] = []
        for decoder, code, which in zip(self.networks.trained, own, mirrored, strict=True):
            # On the way back one decoder is then done after the other: side by side they would need twice the memory.
            after = (
                0 * ops.sum(drawn[-1][:1, :1, :1, :1]) if drawn and self.config.rematerialize else 0
            )
            drawn.append(self._run(decoder, [code + ops.cast(after, code.dtype), which]))
        return drawn

    def _run(self, network: keras.Model, x: Any) -> Any:
        """Run a network; with `rematerialize` nothing inside is kept for the way back, it is computed again."""
        return keras.remat(network)(x) if self.config.rematerialize else network(x)

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Do nothing: it is built. Keras would fail in trying, with several workers."""

    def train_step(self, *arguments: Any) -> Any:
        """Make a step on Keras' current backend."""
        return make_step(self, arguments)

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the loss and its parts, of the last step."""
        return {name: mean.result() for name, mean in self.means.items()}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the weighted sum of the parts, and add it and each part to their means."""
        loss = self.config.loss
        # Cut once: the way back through a cut of the last axis is slow.
        wanted, mask = ops.split(y_pred["wanted"], [3], axis=-1)
        drawn, drawn_mask = ops.split(y_pred["drawn"], [3], axis=-1)
        weights = pixel_weights(mask, self.crop, loss)
        landmarks = _by_identity(x["landmarks"])
        values = {
            "l1": mean_over_faces(weights, absolute_error(drawn, wanted)),
            "dssim": mean_dssim(weights, drawn, wanted, dssim_scales(loss, self.crop.size)),
            "gradient_difference": mean_over_faces(weights, gradient_error(drawn, wanted)),
            "high_frequency": mean_over_faces(weights, detail_error(drawn, wanted)),
            "mask": ops.mean(ops.abs(drawn_mask - mask)),
            "landmarks": ops.mean(ops.abs(y_pred["landmarks"] - landmarks)),
        }
        total = sum(getattr(loss, name) * value for name, value in values.items())
        for name, value in {"loss": total, **values}.items():
            self.means[name].update_state(value)
        # An infinite loss can have finite gradients; the optimizer must see that the step is a bad one.
        return total * ops.where(ops.isfinite(total), 1.0, np.nan)

    def start_templates(self, pictures: Sequence[np.ndarray]) -> None:
        """Let each decoder begin at its identity's first picture."""
        for decoder, picture in zip(self.decoders, pictures, strict=True):
            decoder.get_layer("template").picture.assign(picture)


def _by_identity(x: Any) -> Any:
    """[face, identity, ...] -> [identity x face, ...]."""
    return ops.reshape(ops.swapaxes(x, 0, 1), (-1, *x.shape[2:]))
