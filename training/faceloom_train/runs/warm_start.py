"""Begin a run with what another has learned: layers of the same name and shape are copied, the rest is fresh."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

from faceloom.errors import ArtifactRefused
from faceloom_train.model.networks import layers_of
from faceloom_train.model.optimizer import use_averaged_weights
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.run_directory import Run

# Of a decoder's layers: the template is one person's mean face.
_OWN = frozenset({"template"})


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What was taken of a run. `share`: of the new network's weights, 0..1."""

    run: Path
    step: int
    share: float

    def to_text(self) -> str:
        """Say it in a line."""
        return f"{100 * self.share:.0f} % of the weights come from {self.run} (step {self.step}), the rest begins fresh"


def refuse_stranger(model: SwapModel, known: SwapModel, source: Path) -> None:
    """Raise ArtifactRefused if a network can take nothing that matters (a kernel) of the networks of `source`."""
    pairs = [
        *_same_of(model.encoder, known.encoder),
        *_same_of(model.decoders[0], known.decoders[0], _OWN),
    ]
    if not any(len(new.shape) > 1 for new, _ in pairs):
        raise ArtifactRefused(
            f"{source} has no layer of the name and shape of one of the new network's; begin without "
            "--init-from, or with a network more like the one in its config.yaml."
        )


def copy_weights(
    model: SwapModel, identities: tuple[str, ...], known: SwapModel, source: Run
) -> WarmStart:
    """Copy into `model` what it has in common with `known`, the model of `source`; use the last whole checkpoint.

    A decoder begins as that of the same identity, or else as the first one. The copied weights are the
    averages that would have been exported.
    """
    checkpoint, step = latest_checkpoint(source)
    restore_checkpoint(known, checkpoint)
    use_averaged_weights(known)
    # What identities share is met once for each of them.
    pairs = {id(new): (new, old) for new, old in _same(model, known, identities, source.identities)}
    for new, old in pairs.values():
        new.assign(old.value)
    taken = sum(math.prod(new.shape) for new, _ in pairs.values())
    return WarmStart(
        source.directory, step, taken / sum(math.prod(v.shape) for v in model.trainable_variables)
    )


def _same(
    model: SwapModel, known: SwapModel, identities: tuple[str, ...], others: tuple[str, ...]
) -> Iterator[tuple[keras.Variable, keras.Variable]]:
    """Yield each variable of `model` that `known` has too, of the same layer, name and shape, with it."""
    encoder = [*_same_of(model.encoder, known.encoder)]
    yield from encoder
    # What reads the code comes with what writes it.
    if any(new is model.encoder.get_layer("code").kernel for new, _ in encoder):
        yield from _same_of(model.landmark_head, known.landmark_head)
    for name, decoder in zip(identities, model.decoders, strict=True):
        if name in others:
            yield from _same_of(decoder, known.decoders[others.index(name)])
        else:
            yield from _same_of(decoder, known.decoders[0], _OWN)


def _same_of(
    network: keras.Model, known: keras.Model, without: Collection[str] = ()
) -> Iterator[tuple[keras.Variable, keras.Variable]]:
    """Yield the pairs of a graph, leaving out the layers `without`. In a decoder no name is there twice."""
    old = dict(_trained_of(known))
    for name, variable in _trained_of(network):
        like = old.get(name)
        if like is not None and like.shape == variable.shape and name[0] not in without:
            yield variable, like


def _trained_of(network: keras.Model) -> Iterator[tuple[tuple[str, str], keras.Variable]]:
    for layer in layers_of(network):
        for variable in layer.trainable_variables:
            yield (layer.name, variable.name), variable
