"""Train the base model and store its weights.

python -m faceloom_train.pretraining.train CROWD_FOLDER base.npz [--steps N] [--seed S]
"""

import os
from pathlib import Path
from typing import Annotated, Any, TypeVar

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import typer

from faceloom_train.backend import prepare_tensorflow
from faceloom_train.config.loader import read_config
from faceloom_train.config.presets import preset_path
from faceloom_train.config.schema import TrainConfig
from faceloom_train.crowd import read_people
from faceloom_train.data.batch_packing import pack_batches
from faceloom_train.data.mean_face import compute_mean_face
from faceloom_train.model.model_builder import compile_model
from faceloom_train.model.optimizer import averaged_weights
from faceloom_train.model.train_step import STEP_OUTPUTS, unpack_step_outputs
from faceloom_train.pretraining.base_model import BaseModel
from faceloom_train.pretraining.crowd_faces import CrowdFaces, align_people
from faceloom_train.pretraining.encoder_model import EncoderModel
from faceloom_train.pretraining.folded_weights import folded_weights
from faceloom_train.pretraining.performance_pairs import PerformancePairs, make_pair_dataset
from faceloom_train.runs.base_weights import assign_weights, read_base, save_base_weights

# How many times as many pairs a step of the encoder alone has; it reads both faces of each.
_ENCODER_BATCH_FACTOR = 4
# Steps of the encoder alone.
_ENCODER_STEPS = 5000
# The preset whose network learns.
_PRESET = "laptop_128"
# Peak of the learning rate, and the steps in which it is reached.
_LEARNING_RATE = 1e-3
_WARMUP_STEPS = 100
# Factor of the learning rate of encoder and landmark head beside the decoder's: they have learned
# alone before.
_ENCODER_RATE = 0.3
# Momentum of the average of the weights, which is stored.
_EMA_MOMENTUM = 0.998
# Weight of the error of the mean face's displacements.
_DISPLACEMENT = 3.0
# Weight of the amount of fine detail: where teeth and lips cannot be predicted yet, a hatch is the
# cheapest detail. Fine detail comes from the mean face.
_HIGH_FREQUENCY = 0.0
# Additional weight of the pixels of eyes and mouth.
_EYES_MOUTH_WEIGHT = 6.0
# Variation of the colors of inputs and targets alike: cameras differ more than renders.
_LIGHT_JITTER = 1.2
# Further variation of the inputs' colors: a person's skin is no light.
_COLOR_JITTER = 0.5
# Steps after which the weights so far are stored, to look at while training goes on.
_SAVE_STEPS = 250
# Steps after which the terms of the loss are printed.
_REPORT_STEPS = 50

AnyModel = TypeVar("AnyModel", EncoderModel, BaseModel)


def pretraining_config(steps: int, batch_size: int, seed: int) -> TrainConfig:
    """Return the preset's configuration with the settings of a pretraining.

    Args:
        steps: Steps of the pretraining.
        batch_size: Pairs per step.
        seed: Seed of weights, pairs and augmentation.
    """
    config = read_config(preset_path(_PRESET))
    optimizer = config.optimizer.model_copy(
        update={
            "learning_rate": _LEARNING_RATE,
            "warmup_steps": _WARMUP_STEPS,
            "shared_rate": _ENCODER_RATE,
            "ema_momentum": _EMA_MOMENTUM,
        }
    )
    loss = config.loss.model_copy(
        update={
            "displacement": _DISPLACEMENT,
            "high_frequency": _HIGH_FREQUENCY,
            "eyes_mouth_weight": _EYES_MOUTH_WEIGHT,
        }
    )
    augmentation = config.augmentation.model_copy(
        update={"color_jitter": _COLOR_JITTER, "light_jitter": _LIGHT_JITTER}
    )
    return config.model_copy(
        update={
            "steps": steps,
            "seed": seed,
            "batch_size": batch_size,
            "precision": "float32",
            "optimizer": optimizer,
            "loss": loss,
            "augmentation": augmentation,
        }
    )


def encoder_config(config: TrainConfig, steps: int) -> TrainConfig:
    """Return the configuration with which the encoder learns alone.

    Args:
        config: The configuration of the whole pretraining.
        steps: Steps of the encoder.
    """
    optimizer = config.optimizer.model_copy(update={"shared_rate": 1.0})
    changed = {"batch_size": _ENCODER_BATCH_FACTOR * config.batch_size, "optimizer": optimizer}
    return config.model_copy(update={"steps": steps, **changed})


class SaveAndReport(keras.callbacks.Callback):
    """Stores the averaged weights and prints the mean losses now and then."""

    def __init__(self, trained_model: EncoderModel | BaseModel, out: Path, every: int):
        """Store where and how often to write.

        Args:
            trained_model: The model. Reading `self.model` copies all weights on JAX.
            out: The file to write.
            every: Steps between two writes.
        """
        super().__init__()
        self._trained_model, self._out, self._every = trained_model, out, every
        self._sums: dict[str, float] = {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write and print, if it is time.

        Args:
            batch: The index of the step.
            logs: The outputs of the step.
        """
        if (batch + 1) % self._every == 0:
            store(self.model, self._out)
        terms, _, rate = unpack_step_outputs(self._trained_model, logs[STEP_OUTPUTS])
        self._sums = {name: self._sums.get(name, 0) + value for name, value in terms.items()}
        if (batch + 1) % _REPORT_STEPS == 0:
            means = {name: value / _REPORT_STEPS for name, value in self._sums.items() if value}
            values = " ".join(f"{name} {value:.4f}" for name, value in means.items())
            typer.echo(f"step {batch + 1} rate {rate:.2e} {values}")
            self._sums = {}


def store(model: EncoderModel | BaseModel, out: Path) -> None:
    """Write the averaged weights.

    Args:
        model: The model.
        out: The file to write, NAME.npz.
    """
    with averaged_weights(model):
        save_base_weights(out, folded_weights(model))


def train(
    kind: type[AnyModel],
    people: list[CrowdFaces],
    config: TrainConfig,
    out: Path,
    start: Path | None = None,
) -> AnyModel:
    """Build a model of one kind, train it and store its weights.

    Args:
        kind: The encoder alone, or the whole network.
        people: The faces of each person.
        config: The configuration.
        out: The file to write, NAME.npz; also every 250 steps.
        start: A base to start from; None: random weights.

    Returns:
        The trained model.
    """
    prepare_tensorflow()
    keras.utils.set_random_seed(config.seed)
    mean_faces = [compute_mean_face(own.faces, config.network.size) for own in people]
    pairs = PerformancePairs.from_people(people)
    model = compile_model(kind(config, mean_faces, pairs.performance.shape[1]))
    if start:
        assign_weights(model.base_networks, read_base(start))
    dataset = pack_batches(make_pair_dataset(pairs, config), model.batch_layout)
    model.fit(dataset, callbacks=[SaveAndReport(model, out, _SAVE_STEPS)], shuffle=False, verbose=0)
    store(model, out)
    return model


def main(
    crowd: Annotated[Path, typer.Argument(help="The folder of rendered people.")],
    out: Annotated[Path, typer.Argument(help="The weights to write, NAME.npz.")],
    encoder_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps that the encoder learns alone first, each of four times as many pairs; "
            f"{_ENCODER_STEPS} by default, and none with --start."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of the whole network.")] = 30000,
    batch_size: Annotated[
        int, typer.Option(help="Pairs per step; 16 suits a computer without a GPU.")
    ] = 64,
    seed: Annotated[
        int, typer.Option(help="Seed of weights, pairs and augmentation; another with --start.")
    ] = 0,
    start: Annotated[Path | None, typer.Option(help="Base to start from, NAME.npz.")] = None,
) -> None:
    """Train the base on the crowd, without the groups that are held out.

    Args:
        crowd: The folder of rendered people.
        out: The weights to write.
        encoder_steps: Steps of the encoder alone. They store no weights of convolutions of the
            decoder, so that those of `start` are lost.
        steps: Steps of the whole network.
        batch_size: Pairs per step.
        seed: Seed of weights, pairs and augmentation. With the seed of the training that gave
            `start`, the same pairs would follow again.
        start: A base to start from.
    """
    config = pretraining_config(steps, batch_size, seed)
    people = align_people(read_people(crowd, validation=False), config)
    if encoder_steps is None:
        encoder_steps = 0 if start else _ENCODER_STEPS
    if encoder_steps:
        train(EncoderModel, people, encoder_config(config, encoder_steps), out, start)
        start = out
    train(BaseModel, people, config, out, start)


if __name__ == "__main__":
    typer.run(main)
