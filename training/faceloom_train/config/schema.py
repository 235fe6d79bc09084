"""Everything that decides a training run, as one locked value read from YAML."""

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from faceloom.errors import UsageError
from faceloom.json_documents import Strict, first_problem
from faceloom.provenance.consent import Consent
from faceloom.safe_read import read_bounded
from faceloom_train.config.safe_yaml import MOST_BYTES, parse_yaml

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Widths = Annotated[tuple[Count, ...], Field(min_length=1)]


class OriginalNetwork(Strict):
    """The classic network of 2017: 64 px, 82 million weights with two identities."""

    kind: Literal["original"] = "original"
    size: Literal[64] = 64


class BodyNetwork(Strict):
    """What `df` and `liae` have in common: a body at half or a quarter of the size.

    encoder: channels after the stem (which shrinks by `stem`) and after each further halving.
    code: numbers that pass between encoder and decoders. decoder: channels at the decoder's
    start and after each doubling; the head then enlarges by `head`. residuals: residual blocks at
    each of the decoder's levels. mask_trunk: channels after each doubling of a trunk of the mask's own, which begins
    where the inter ends; None: the mask is drawn with the picture. template: start from the person's mean face.
    template_reach: how far, in shares of the side, the decoder may move each pixel of that (see `layers.Template`).
    coarse: the head draws pixels of so many times the picture's, and what is finer comes from the template.
    """

    kind: str
    size: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]
    stem: Literal[2, 4] = 4
    encoder: Widths
    code: Count
    decoder: Widths
    residuals: tuple[Annotated[int, Field(ge=0)], ...]
    head: Literal[2, 4] = 4
    mask_trunk: Widths | None = None
    template: bool = True
    template_reach: Annotated[float, Field(ge=0, le=0.5)] = 0
    coarse: Literal[1, 2, 4] = 1

    @model_validator(mode="after")
    def _levels_fit(self) -> "BodyNetwork":
        if len(self.residuals) != len(self.decoder):
            raise ValueError(
                f"residuals needs a number for each of the {len(self.decoder)} levels of decoder"
            )
        if self.size % (self.head * 2 ** (len(self.decoder) - 1)):
            raise ValueError("size must be head times a power of two for each doubling of decoder")
        if self.template_reach and not self.template:
            raise ValueError("template_reach moves the template; it needs template: true")
        if self.head % self.coarse:
            raise ValueError(f"coarse: {self.coarse} is more than the {self.head} pixels of head")
        return self

    def _inter_fits(self, name: str, doublings: int) -> None:
        """Refuse an inter that leaves nothing to draw, and a mask's trunk that does not go on from it to the head."""
        if doublings >= len(self.decoder):
            raise ValueError(f"{name} must be less than the {len(self.decoder)} levels of decoder")
        left = len(self.decoder) - 1 - doublings
        if self.mask_trunk is not None and len(self.mask_trunk) != left:
            raise ValueError(
                f"mask_trunk needs channels for each of the {left} doublings after {name}"
            )


class DfNetwork(BodyNetwork):
    """One code for all, a decoder for each identity. shared: how many doublings all identities have in common."""

    kind: Literal["df"] = "df"
    shared: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _shared_fits(self) -> "DfNetwork":
        self._inter_fits("shared", self.shared)
        return self


class LiaeNetwork(BodyNetwork):
    """One code and decoder for all, which draws from two inters: one for all and one of the identity's own.

    inter: doublings of each inter, with half of the decoder's channels.
    """

    kind: Literal["liae"] = "liae"
    inter: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _halves_fit(self) -> "LiaeNetwork":
        self._inter_fits("inter", self.inter)
        if any(width % 2 for width in self.decoder[: self.inter + 1]):
            raise ValueError(
                "decoder needs even numbers up to where the inters meet: each inter has half of them"
            )
        return self


Network: TypeAlias = OriginalNetwork | DfNetwork | LiaeNetwork


class AugmentConfig(Strict):
    """How crops are varied; angles in degrees, lengths in shares of the crop's side.

    rotation, zoom, shift, flip: of the whole example. input_*: only of what the encoder sees, so
    that the decoder learns to draw the face in its true place. warp: spread of a 5 x 5 grid of
    displacements, input only. light: strength of changes of color, contrast and shading, input only.
    occlusion: share of the faces before which something is drawn, a hand or a microphone, that the learned
    mask must leave out. poor_footage: share of the steps whose inputs are soft and compressed: blurred by a spread
    of up to `blur`, and as coarse as up to `compression` times a JPEG of quality 50.
    """

    rotation: NotNegative = 0
    zoom: NotNegative = 0
    shift: NotNegative = 0
    flip: Share = 0.5
    input_rotation: NotNegative = 5
    input_zoom: NotNegative = 0.05
    input_shift: NotNegative = 0.02
    warp: NotNegative = 0
    light: NotNegative = 0.9
    occlusion: Share = 0.2
    poor_footage: Share = 0.25
    blur: NotNegative = 0.01
    compression: NotNegative = 1.5


class LossConfig(Strict):
    """Weights of the parts of the loss; 0 leaves a part out.

    dssim_scales: at how many sizes structure is compared; "auto": one, from 192 px two, from 384 px three.
    gradient: difference of neighboring pixels, against blur. detail: how much fine detail there is, wherever.
    background: weight of a pixel outside the face against one inside, in `dssim`, `l1`, `gradient` and `detail`.
    landmarks: how well the code must tell the landmarks (see `faceloom_train.model.swap_model`).
    features: how much more a pixel of the eyes or the mouth counts.
    """

    dssim: NotNegative = 1
    dssim_scales: Annotated[int, Field(ge=1, le=3)] | Literal["auto"] = "auto"
    l1: NotNegative = 3.3
    gradient: NotNegative = 2.3
    detail: NotNegative = 3
    mask: NotNegative = 3
    background: Share = 0.05
    features: NotNegative = 3
    landmarks: NotNegative = 0.5


class OptimizerConfig(Strict):
    """Adam, or AdamW when `weight_decay` is not 0; gradients are clipped to `clip_norm` together, unless it is 0.

    Without it one bad step in three hundred was enough for a decoder to draw nothing but its template ever after.
    """

    learning_rate: Positive = 2e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 20
    decay: Literal["constant", "cosine"] = "cosine"
    beta_1: Share = 0.9
    beta_2: Share = 0.99
    weight_decay: NotNegative = 0
    clip_norm: NotNegative = 1
    ema: Share = 0.99


class TrainConfig(Strict):
    """A training run; `coverage` as in `CropGeometry`.

    batch_size: faces of each identity that are computed at once; "auto" finds how many the memory holds.
    effective_batch_size: faces of each identity that a step learns from, a multiple of `batch_size` and
    the same if it is None. A step is one update of the weights, however many parts it is computed in.
    rematerialze: keep less for the way back and compute it again: less memory, more time.
    The newest `keep_checkpoints` are kept, and one of every `snapshot_every` steps (0: none) for ever.
    precision: "auto" is decided when a run begins (see `faceloom_train.loop.precision`); a run keeps its own.
    balance: how much oftener faces of rare poses and of small sources are drawn; 0: all alike, 1: so that every
    pose and source comes up alike, if none is drawn over four times as often as the average.
    held_out: faces of each identity, at most an eighth of its set, that are not trained on but
    judged every `evaluate_every` steps (0: never) and at the end.
    stop_on_plateau: end the run, with a checkpoint, once its evaluations say that more steps will not help.
    tensorboard: write the metrics and previews for TensorBoard as well.
    """

    network: Annotated[Network, Field(discriminator="kind")]
    coverage: Annotated[float, Field(ge=0.5, le=1.2)] = 1.0
    hide_background: bool = True
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    steps: Count
    batch_size: Count | Literal["auto"]
    effective_batch_size: Count | None = None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"] = "float32"
    jit_compile: bool | Literal["auto"] = "auto"
    rematerialze: bool = False
    augment: AugmentConfig = AugmentConfig()
    balance: Share = 0.5
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    checkpoint_every: Count = 500
    keep_checkpoints: Count = 3
    snapshot_every: Annotated[int, Field(ge=0)] = 0
    preview_every: Count = 250
    held_out: Annotated[int, Field(ge=0)] = 12
    evaluate_every: Annotated[int, Field(ge=0)] = 1000
    stop_on_plateau: bool = False
    log_every: Count = 10
    tensorboard: bool = False
    consent: Consent = None
    license: str | None = None

    @model_validator(mode="after")
    def _batches_fit(self) -> "TrainConfig":
        if self.batch_size == "auto":
            if self.effective_batch_size is None:
                raise ValueError(
                    "batch_size: auto needs effective_batch_size, the faces that a step learns from"
                )
        elif self.effective_batch_size is not None and self.effective_batch_size % self.batch_size:
            raise ValueError(
                f"effective_batch_size must be a multiple of batch_size, {self.batch_size}"
            )
        return self

    @property
    def faces_per_step(self) -> int:
        """How many faces of each identity a step learns from."""
        if self.effective_batch_size is not None:
            return self.effective_batch_size
        assert self.batch_size != "auto", "the validator asks for effective_batch_size"
        return self.batch_size

    def sha256(self) -> str:
        """Return the checksum that stands for these settings in bundles."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


# What the weights or the saved state depend on: it cannot change once a run has begun.
FIXED = frozenset(
    {"network", "coverage", "hide_background", "seed", "held_out", "precision", "optimizer.ema"}
)


def read_config(path: Path, changes: Iterable[str] = ()) -> TrainConfig:
    """Read a YAML file and apply changes of the form `key.key=value`.

    Raises UsageError naming the file, the key and, for a misspelt key, the nearest one.
    """
    try:
        data = parse_yaml(read_bounded(path, MOST_BYTES))
    except FileNotFoundError:
        raise UsageError(f"There is no configuration file {path}; check the path.") from None
    # A ValueError is text that is no UTF-8, or a date that is none.
    except (yaml.YAMLError, OSError, ValueError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} must hold keys and values, as the files in configs/ do.")
    return _validate(_changed(data, changes), str(path))


def change_config(config: TrainConfig, changes: Iterable[str]) -> TrainConfig:
    """Return a configuration with changes of the form `key.key=value`."""
    return _validate(_changed(config.model_dump(mode="json"), changes), "--set")


def differences(old: TrainConfig, new: TrainConfig) -> Iterator[tuple[str, object, object]]:
    """Yield the dotted key, old and new value of every setting that differs."""
    yield from _differences(old.model_dump(mode="json"), new.model_dump(mode="json"), ())


def to_yaml(config: TrainConfig) -> str:
    """Write a configuration as YAML in the order of its fields."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _changed(data: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(
                f"--set {change}: write it as key=value, as in --set optimizer.learning_rate=1e-4."
            )
        place = data
        *parents, last = key.strip().split(".")
        for parent in parents:
            # A group that was left out is null where all settings are written.
            if place.get(parent) is None:
                place[parent] = {}
            place = place[parent]
            if not isinstance(place, dict):
                raise UsageError(f"--set {change}: {parent} is a value, not a group of settings.")
        try:
            place[last] = parse_yaml(value)
        except (yaml.YAMLError, ValueError) as error:
            raise UsageError(f"--set {change}: the value is not valid YAML.") from error
    return data


def _validate(data: dict[str, Any], origin: str) -> TrainConfig:
    try:
        return TrainConfig.model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if problem["type"] != "extra_forbidden":
            raise UsageError(f"{origin}: {first_problem(error)}.") from error
        key = str(problem["loc"][-1])
        near = difflib.get_close_matches(key, sorted(set(_all_keys(TrainConfig))), 1)
        hint = (
            f"did you mean {near[0]}?" if near else "see the files in configs/ for what can be set."
        )
        # pydantic puts the kind of network into the path, where no YAML has it.
        where = ".".join(
            str(part) for part in problem["loc"] if part not in ("df", "liae", "original")
        )
        raise UsageError(f"{origin}: there is no setting {where}; {hint}") from error


def _all_keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _all_keys(kind)


def _differences(
    old: dict[str, Any], new: dict[str, Any], prefix: Sequence[str]
) -> Iterator[tuple[str, object, object]]:
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, (*prefix, key))
        elif before != after:
            yield ".".join((*prefix, key)), before, after
