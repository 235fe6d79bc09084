"""Start a run with the weights of another: layers of the same name and shape are copied."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

from faceloom.errors import ArtifactRefused
from faceloom_train.model.optimizer import use_averaged_weights
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.run_directory import Run
from faceloom_train.runs.weight_matching import matching_variables, named_variables

# Decoder layers that belong to one identity: they are not copied to another identity's decoder.
_IDENTITY_LAYERS = frozenset({"mean_face"})


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What was copied from another run."""

    run: Path
    """The other run's folder."""
    step: int
    """The step of its checkpoint."""
    copied_fraction: float
    """Fraction of the new model's weights that were copied, 0 to 1."""

    def to_text(self) -> str:
        """Return a one-line description."""
        percent = f"{100 * self.copied_fraction:.0f} %"
        return (
            f"{percent} of the weights are copied from {self.run} (step {self.step}), "
            "the rest is initialized randomly"
        )


def check_compatible(model: SwapModel, source_model: SwapModel, source: Path) -> None:
    """Check that a warm start would copy at least one kernel.

    Args:
        model: The new model.
        source_model: The model to copy from.
        source: The folder of its run, for messages.

    Raises:
        ArtifactRefused: No kernel of the two networks has the same name and shape.
    """
    pairs = [
        *_matching_variables(model.encoder, source_model.encoder),
        *_matching_variables(model.decoders[0], source_model.decoders[0], _IDENTITY_LAYERS),
    ]
    if not any(len(new.shape) > 1 for new, _ in pairs):
        raise ArtifactRefused(
            f"{source} has no layer with the name and shape of a layer of the new network; train "
            "with --init-from none, or with a network more like the one in its config.yaml."
        )


def copy_weights(
    model: SwapModel, identities: tuple[str, ...], source_model: SwapModel, source: Run
) -> WarmStart:
    """Copy weights from the newest undamaged checkpoint of another run.

    A decoder gets the weights of the same identity's decoder, or else of the first one. The
    averaged weights (EMA) are copied, which are those that would be exported.

    Args:
        model: The new model; its weights are overwritten.
        identities: Its identities, in the order of its decoders.
        source_model: A compiled model with the settings of `source`; its state is overwritten.
        source: The other run.

    Raises:
        ArtifactRefused: `source` has no undamaged checkpoint.
    """
    checkpoint, step = latest_checkpoint(source)
    restore_checkpoint(source_model, checkpoint)
    use_averaged_weights(source_model)
    # Layers that identities share occur once for each identity.
    pairs = {
        id(new): (new, old)
        for new, old in _all_pairs(model, source_model, identities, source.identities)
    }
    for new, old in pairs.values():
        new.assign(old.value)
    copied = sum(math.prod(new.shape) for new, _ in pairs.values())
    total = sum(math.prod(v.shape) for v in model.trainable_variables)
    return WarmStart(source.directory, step, copied / total)


def _all_pairs(
    model: SwapModel,
    source_model: SwapModel,
    identities: tuple[str, ...],
    source_identities: tuple[str, ...],
) -> Iterator[tuple[keras.Variable, keras.Variable]]:
    """Yield the variables of `model` with those to copy into them."""
    encoder = [*_matching_variables(model.encoder, source_model.encoder)]
    yield from encoder
    # The landmark head reads the latent, so it is only valid with the layer that writes it.
    if any(new is model.encoder.get_layer("latent").kernel for new, _ in encoder):
        yield from _matching_variables(model.landmark_head, source_model.landmark_head)
    for name, decoder in zip(identities, model.decoders, strict=True):
        if name in source_identities:
            same = source_model.decoders[source_identities.index(name)]
            yield from _matching_variables(decoder, same)
        else:
            yield from _matching_variables(decoder, source_model.decoders[0], _IDENTITY_LAYERS)


def _matching_variables(
    network: keras.Model, source: keras.Model, excluded_layers: Collection[str] = ()
) -> Iterator[tuple[keras.Variable, keras.Variable]]:
    """Yield pairs of variables with the same layer, name and shape."""
    values = {
        name: variable
        for name, variable in named_variables(source)
        if name[0] not in excluded_layers
    }
    return matching_variables(network, values)
