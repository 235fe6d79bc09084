"""Train the face parsing network and store its weights.

python -m faceloom_train.face_parsing.train CROWD_FOLDER parser.weights.h5 [--steps N] [--start W]
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import cv2
import keras
import numpy as np
import typer
from keras import ops

from faceloom.faces.parsing.regions import Region
from faceloom_train.backend import prepare_tensorflow
from faceloom_train.crowd import CrowdPicture, read_crowd
from faceloom_train.face_parsing.augmentation import random_sample
from faceloom_train.face_parsing.network import build_parser
from faceloom_train.face_parsing.validation import region_iou, validation_arrays

# Samples per step.
_BATCH = 24
# Peak of the learning rate, which falls to zero along a cosine after a short warm-up.
_LEARNING_RATE = 2e-3
_WARMUP_STEPS = 100
_WEIGHT_DECAY = 1e-4
# Weights are averaged over about this many steps; the average is stored.
_EMA_STEPS = 200
# Weight of small regions in the cross-entropy, whose pixels are few.
_REGION_WEIGHTS = {Region.GLASSES: 1.5, Region.OCCLUDER: 1.5}
# Keeps the Dice loss of an absent region finite, in pixels of a batch.
_DICE_SMOOTHING = 50.0
# Threads that make samples.
_WORKERS = 2
# Steps after which the weights so far are stored, to look at while training goes on.
_SAVE_STEPS = 250


class RandomSamples(keras.utils.PyDataset):
    """Batches of augmented samples; a batch depends on seed and number alone."""

    def __init__(self, pictures: Sequence[CrowdPicture], steps: int, seed: int):
        """Store what the samples are made from.

        Args:
            pictures: The people to train on.
            steps: Number of batches.
            seed: Seed of the samples.
        """
        super().__init__(workers=_WORKERS, max_queue_size=16)
        self._pictures, self._steps, self._seed = pictures, steps, seed

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Make a batch.

        Args:
            index: Its number.

        Returns:
            Crops [n, 128, 128, 3] in 0..1 and `Region` values [n, 128, 128].
        """
        rng = np.random.default_rng([self._seed, index])
        samples = [random_sample(rng, self._pictures) for _ in range(_BATCH)]
        images, regions = zip(*samples, strict=True)
        return np.stack(images), np.stack(regions)


def parsing_loss(regions: Any, logits: Any) -> Any:
    """Return weighted cross-entropy plus the soft Dice loss, averaged over the regions.

    F. Milletari et al., "V-Net", 3DV 2016, equation 1, with smoothing.

    Args:
        regions: `Region` values, [n, h, w].
        logits: The network's output, [n, h, w, regions].
    """
    weights = np.ones(len(Region), np.float32)
    for region, weight in _REGION_WEIGHTS.items():
        weights[region] = weight
    truth = ops.one_hot(ops.cast(regions, "int32"), len(Region))
    logits = ops.cast(logits, "float32")
    entropy = -ops.mean(ops.sum(weights * truth * ops.log_softmax(logits), -1))
    shares = ops.softmax(logits)
    overlap = ops.sum(truth * shares, (0, 1, 2))
    total = ops.sum(truth + shares, (0, 1, 2))
    dice = (2 * overlap + _DICE_SMOOTHING) / (total + _DICE_SMOOTHING)
    return entropy + 1 - ops.mean(dice)


def learning_rate(
    steps: int, peak: float = _LEARNING_RATE
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the schedule: a warm-up, then a cosine to zero.

    Args:
        steps: Steps of the whole training.
        peak: The largest learning rate.
    """
    warmup = min(_WARMUP_STEPS, steps // 4)
    return keras.optimizers.schedules.CosineDecay(
        peak / 20, steps - warmup, warmup_target=peak, warmup_steps=warmup
    )


def train(
    pictures: Sequence[CrowdPicture],
    out: Path,
    steps: int,
    seed: int = 0,
    start: Path | None = None,
) -> keras.Model:
    """Train a network and store its weights, also every 250 steps.

    Args:
        pictures: The people to train on.
        out: The weights to write, NAME.weights.h5.
        steps: Steps of 24 samples.
        seed: Seed of weights and samples.
        start: Weights to continue from, at half the learning rate; None starts anew.

    Returns:
        The network with averaged weights.
    """
    prepare_tensorflow()
    keras.utils.set_random_seed(seed)
    cv2.setNumThreads(1)
    model = build_parser()
    if start:
        model.load_weights(start)
    optimizer = keras.optimizers.AdamW(
        learning_rate(steps, _LEARNING_RATE / 2 if start else _LEARNING_RATE),
        weight_decay=_WEIGHT_DECAY,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=math.exp(-1 / min(_EMA_STEPS, max(1, steps // 4))),
    )
    model.compile(optimizer, parsing_loss)
    saver = keras.callbacks.ModelCheckpoint(
        str(out), save_weights_only=True, save_freq=_SAVE_STEPS, verbose=0
    )
    model.fit(RandomSamples(pictures, steps, seed), callbacks=[saver], verbose=1)
    model.save_weights(out)
    return model


def main(
    crowd: Annotated[Path, typer.Argument(help="The folder of rendered people.")],
    out: Annotated[Path, typer.Argument(help="The weights to write, NAME.weights.h5.")],
    steps: Annotated[int, typer.Option(help="Steps of 24 samples.")] = 6000,
    seed: Annotated[int, typer.Option(help="Seed of weights and samples.")] = 0,
    start: Annotated[Path | None, typer.Option(help="Weights to continue from.")] = None,
) -> None:
    """Train the network and print the IoU of each region on people held out.

    Args:
        crowd: The folder of rendered people.
        out: The weights to write.
        steps: Steps of 24 samples.
        seed: Seed of weights and samples.
        start: Weights to continue from.
    """
    model = train(read_crowd(crowd, validation=False), out, steps, seed, start)
    images, regions = validation_arrays(read_crowd(crowd, validation=True))
    for region, iou in region_iou(regions, model.predict(images, verbose=0).argmax(-1)).items():
        typer.echo(f"{region.name.lower():10} {iou:.3f}")


if __name__ == "__main__":
    typer.run(main)
