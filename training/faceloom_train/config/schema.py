"""The settings of a training run, as one validated value."""

import hashlib
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, model_validator

from faceloom.choices import FaceMaskKind
from faceloom.json_documents import StrictModel
from faceloom.provenance.consent import Consent

Fraction = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(ge=1)]
PreviewFaces = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^/]+/[^/]+$", max_length=300)], ...],
    Field(max_length=48),
]
Channels = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class OriginalNetwork(StrictModel):
    """The deepfakes network of 2017: 64 pixels, 82 million weights with two identities."""

    kind: Literal["original"] = "original"
    """Selects this network."""
    size: Literal[64] = 64
    """Side of the crops in pixels."""


class ConvNetwork(StrictModel):
    """The settings that `df` and `liae` have in common."""

    kind: str
    """Selects the network: df or liae."""
    size: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]
    """Side of the crops in pixels, 32 to 1024."""
    input_scale: Literal[1, 2] = 1
    """Factor by which the encoder's input is reduced first."""
    stem_stride: Literal[2, 4] = 4
    """Stride of the encoder's first convolution."""
    encoder: Channels
    """Channels after the stem and after each further halving."""
    latent_dim: PositiveInt
    """Length of the latent vector between encoder and decoders."""
    decoder: Channels
    """Channels of the decoder's smallest features and after each doubling."""
    residual_blocks: tuple[NonNegativeInt, ...]
    """Residual blocks at each level of `decoder`."""
    output_stride: Literal[2, 4, 8] = 4
    """Side of the pixel block that the output convolution writes at each position."""
    mask_decoder: Channels | None = None
    """Channels after each doubling of a separate mask decoder, which branches off after the shared
    stages or the inter; None: the mask comes from the same decoder as the face."""
    mean_face: bool = True
    """Whether a decoder adds its output to the identity's learned mean face."""
    mean_face_max_shift: Annotated[float, Field(ge=0, le=0.5)] = 0
    """How far the decoder may shift each pixel of the mean face, as a fraction of the side, 0 to
    0.5 (see `faceloom_train.model.layers.MeanFace`); 0: no shift."""
    mean_face_shift_scale: Literal[1, 2] = 1
    """How many times finer than the decoder's largest features the grid of these displacements is;
    2: a shut eye, a few pixels high, has several of its positions."""
    mean_face_light: bool = False
    """Whether the decoder also predicts by how much the light makes each part of the mean face
    brighter or darker, for each color."""
    output_scale: Literal[1, 2, 4] = 1
    """Factor by which the decoder's output is enlarged; finer detail comes from the mean face."""

    @model_validator(mode="after")
    def _check_levels(self) -> "ConvNetwork":
        if len(self.residual_blocks) != len(self.decoder):
            raise ValueError(
                f"residual_blocks needs one number for each of the {len(self.decoder)} levels "
                "of decoder"
            )
        if self.size % (self.output_stride * 2 ** (len(self.decoder) - 1)):
            raise ValueError(
                "size must be a multiple of output_stride times 2 for each doubling of decoder"
            )
        if self.mean_face_max_shift and not self.mean_face:
            raise ValueError("mean_face_max_shift needs mean_face: true")
        if self.mean_face_shift_scale > 1 and not self.mean_face_max_shift:
            raise ValueError("mean_face_shift_scale: 2 needs mean_face_max_shift above 0")
        if self.mean_face_light and not self.mean_face_max_shift:
            raise ValueError("mean_face_light needs mean_face_max_shift above 0")
        if self.output_stride % self.output_scale:
            raise ValueError(
                f"network.output_scale is {self.output_scale} and must not exceed "
                f"network.output_stride, which is {self.output_stride}; set output_scale to "
                f"{' or '.join(str(scale) for scale in (1, 2, 4) if scale <= self.output_stride)}"
            )
        return self

    def _check_inter(self, name: str, doublings: int) -> None:
        """Check that doublings are left after the inter, and that `mask_decoder` has as many."""
        if doublings >= len(self.decoder):
            raise ValueError(f"{name} must be less than the {len(self.decoder)} levels of decoder")
        remaining = len(self.decoder) - 1 - doublings
        if self.mask_decoder is not None and len(self.mask_decoder) != remaining:
            raise ValueError(
                f"mask_decoder needs channels for each of the {remaining} doublings after {name}"
            )


class DfNetwork(ConvNetwork):
    """One encoder for all identities and a decoder for each."""

    kind: Literal["df"] = "df"
    """Selects this network."""
    shared_stages: NonNegativeInt = 1
    """First doublings of the decoder that all identities share."""
    mean_face_linear: bool = False
    """Whether shift and light of the mean face are the sum of what the decoder's convolutions
    predict and of a linear function of the latent, which learns in fewer steps."""

    @model_validator(mode="after")
    def _check_shared_stages(self) -> "DfNetwork":
        self._check_inter("shared_stages", self.shared_stages)
        return self


class LiaeNetwork(ConvNetwork):
    """One encoder and decoder for all identities, one inter for all and one for each identity."""

    kind: Literal["liae"] = "liae"
    """Selects this network."""
    inter_stages: NonNegativeInt = 1
    """Doublings inside each inter; an inter has half of the decoder's channels."""

    @model_validator(mode="after")
    def _check_inter_stages(self) -> "LiaeNetwork":
        self._check_inter("inter_stages", self.inter_stages)
        if any(width % 2 for width in self.decoder[: self.inter_stages + 1]):
            raise ValueError(
                f"decoder needs even numbers for its first {self.inter_stages + 1} levels: "
                "each inter has half of the channels"
            )
        return self


Network: TypeAlias = OriginalNetwork | DfNetwork | LiaeNetwork


class DocumentedModel(StrictModel):
    """Settings with a JSON schema that contains the docstring of each field."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class AugmentationConfig(DocumentedModel):
    """How crops are varied.

    Lengths are fractions of the crop's side. The parameters that start with `input_`, and `warp`,
    `color_jitter` and the degradation change only the encoder's input; the target stays in place,
    so that the decoder learns to restore it.
    """

    rotation: NonNegative = 0
    """Largest rotation of input and target, in degrees."""
    zoom: NonNegative = 0
    """Largest zoom of input and target: the scale is between exp(-zoom) and exp(zoom)."""
    shift: NonNegative = 0
    """Largest shift of input and target along x and y."""
    flip_probability: Fraction = 0.5
    """Probability that input and target are mirrored."""
    input_rotation: NonNegative = 5
    """Largest further rotation of the input, in degrees."""
    input_zoom: NonNegative = 0.05
    """Largest further zoom of the input, as `zoom`."""
    input_shift: NonNegative = 0.02
    """Largest further shift of the input."""
    warp: NonNegative = 0
    """Standard deviation of the displacements of a 5 x 5 grid that warps the input."""
    color_jitter: NonNegative = 0.9
    """Strength of the changes of color, brightness, contrast and shading of the input; 1: channel
    gains vary by 12 %, contrast by 25 %, brightness by 0.1, shading by 20 % each way."""
    light_jitter: NonNegative = 0
    """Strength of such changes that input and target share: the decoder learns to give a face the
    light of the input."""
    occlusion_probability: Fraction = 0.2
    """Probability that a synthetic hand or object covers part of a face, in input and target; the
    learned mask must leave it out. With `face_mask: regions` half of them are gray in the input,
    as those that conversion detects are."""
    degradation_probability: Fraction = 0.25
    """Probability that the inputs of a step are blurred and compressed."""
    blur: NonNegative = 0.01
    """Largest standard deviation of the Gaussian blur of a degraded input."""
    jpeg_strength: NonNegative = 1.5
    """Largest JPEG quantization of a degraded input, in multiples of that of quality 50."""


class LossConfig(DocumentedModel):
    """Weights of the terms of the loss; 0 leaves a term out."""

    dssim: NonNegative = 1
    """Weight of structural dissimilarity, (1 - SSIM) / 2."""
    dssim_scales: Annotated[int, Field(ge=1, le=3)] | Literal["auto"] = "auto"
    """Scales at which structure is compared, 1 to 3; "auto": 1, from 192 pixels 2, from 384 3."""
    l1: NonNegative = 3.3
    """Weight of the absolute error of the colors."""
    gradient_difference: NonNegative = 2.3
    """Weight of the error of the differences between neighboring pixels, against blur."""
    high_frequency: NonNegative = 3
    """Weight of the error of the amount of fine detail."""
    mask: NonNegative = 3
    """Weight of the absolute error of the mask."""
    background_weight: Fraction = 0.05
    """Weight of a pixel outside the face relative to one inside, in all terms but `mask` and
    `landmarks`. With `face_mask: regions` the outside begins at the outline of the mesh; what is
    hidden inside it has no weight."""
    eyes_mouth_weight: NonNegative = 3
    """Additional weight of the pixels of eyes and mouth, in the same terms."""
    landmarks: NonNegative = 0.5
    """Weight of the absolute error of the landmarks predicted from the latent."""
    displacement: NonNegative = 0
    """Weight of the absolute error of the mean face's displacements at the landmarks, which follow
    from the meshes; lids count four times. It needs `network.mean_face_max_shift`."""


class OptimizerConfig(DocumentedModel):
    """Adam, or AdamW when `weight_decay` is not 0."""

    learning_rate: Positive = 2e-3
    """Learning rate after the warm-up."""
    warmup_steps: NonNegativeInt = 20
    """Steps in which the learning rate rises linearly."""
    lr_schedule: Literal["constant", "cosine"] = "cosine"
    """Learning-rate schedule after the warm-up; cosine decays to 2 % at `steps`."""
    beta_1: Fraction = 0.9
    """Adam's decay of the mean of the gradients."""
    beta_2: Fraction = 0.99
    """Adam's decay of the mean of the squared gradients."""
    weight_decay: NonNegative = 0
    """Decoupled weight decay."""
    global_clipnorm: NonNegative = 1
    """Largest norm of all gradients together; 0: no clipping. Without clipping, one bad step in
    300 is enough to make a decoder output nothing but its mean face from then on."""
    ema_momentum: Fraction = 0.99
    """Momentum of the moving average of the weights, which is what is exported; 0: no average."""
    shared_rate: Fraction = 1
    """Learning rate of the layers that all identities share, relative to the others'. Less than 1
    keeps more of what a run or a base, from which a new run starts, knows about performances."""


class TrainConfig(DocumentedModel):
    """All settings of a training run."""

    network: Annotated[Network, Field(discriminator="kind")]
    """The network's architecture."""
    base: str | None = None
    """Base that a new run starts from unless `--init-from` says otherwise: the name of one that
    ships, or the path of an .npz file; None: random weights."""
    coverage: Annotated[float, Field(ge=0.5, le=1.2)] = 1.0
    """How much of the head a crop shows, 0.5 to 1.2 (see `CropGeometry`)."""
    lids_gain: Annotated[float, Field(ge=1, le=4)] = 1
    """How much further lids move in predictions (previews, evaluations, bundles) than the decoder
    has learned, 1 to 4 (see `faceloom_train.model.lids`); more than 1 needs
    `network.mean_face_max_shift`."""
    mask_background: bool = True
    """Whether the encoder's input is gray outside the face's mask, in training and conversion."""
    face_mask: FaceMaskKind = "regions"
    """What a face's mask is: "mesh": the outline of the mesh; "regions": of that, what the face
    parsing network sees as visible face (skin, features, glasses). Hair, hands and other occluders
    inside the outline then count for nothing in the losses."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the initial weights, the sampled faces and the augmentation, 0 to 2^31 - 1."""
    steps: PositiveInt
    """Updates of the weights in the whole run."""
    batch_size: PositiveInt
    """Faces of each identity that one step learns from."""
    micro_batch_size: PositiveInt | Literal["auto"] | None = None
    """Faces of each identity that are computed at once, a divisor of `batch_size`; gradients are
    accumulated over the micro-batches of a step. "auto": as many as fit into memory; None: all."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16", "auto"] = "float32"
    """Keras dtype policy; "auto" is resolved when a run is created (see
    `faceloom_train.runs.precision`) and stored in the run."""
    jit_compile: bool | Literal["auto"] = "auto"
    """Whether XLA compiles the step, as in Keras' `compile`."""
    gradient_checkpointing: bool = False
    """Whether activations are recomputed in the backward pass: less memory, more time."""
    augmentation: AugmentationConfig = AugmentationConfig()
    """How crops are varied."""
    sampling_balance: Fraction = 0.5
    """How far rare poses and small sources are sampled more often: 0: all faces alike; 1: every
    pose and source equally often, with at most 4 times the average for one face."""
    loss: LossConfig = LossConfig()
    """Weights of the terms of the loss."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """Optimizer, learning rate and averaging."""
    checkpoint_every: PositiveInt = 500
    """Steps between checkpoints."""
    keep_checkpoints: PositiveInt = 3
    """How many of the newest checkpoints are kept."""
    keep_every: NonNegativeInt = 0
    """Steps between checkpoints that are never deleted; 0: none."""
    preview_every: PositiveInt = 250
    """Steps between preview sheets."""
    preview_faces: PreviewFaces = ()
    """Faces that every preview sheet shows, at most 48 in all: IDENTITY/FACE, where FACE is the
    name of a picture in the face set's folder crops, without .jpg. A sheet shows 6 evenly spread
    faces of an identity that has none in the list, or only rejected ones."""
    validation_faces: NonNegativeInt = 12
    """Faces of each identity that are not trained on but evaluated; at most an eighth of a set."""
    evaluate_every: NonNegativeInt = 1000
    """Steps between evaluations, beside the one at the end; 0: no evaluation."""
    stop_on_plateau: bool = False
    """Whether the run ends, with a checkpoint, once its evaluations stop improving."""
    log_every: PositiveInt = 10
    """Steps between rows of the metrics."""
    tensorboard: bool = False
    """Whether metrics and previews are also written for TensorBoard."""
    consent: Consent = None
    """Record of the consent of the people shown; stored in bundles."""
    license: str | None = None
    """License of the footage and the model; stored in bundles."""

    @model_validator(mode="after")
    def _check_micro_batch(self) -> "TrainConfig":
        if isinstance(self.micro_batch_size, int) and self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"micro_batch_size {self.micro_batch_size} must divide batch_size {self.batch_size}"
            )
        return self

    @model_validator(mode="after")
    def _check_max_shift(self) -> "TrainConfig":
        if not getattr(self.network, "mean_face_max_shift", 0):
            for name, used in (
                ("loss.displacement", self.loss.displacement),
                ("lids_gain above 1", self.lids_gain > 1),
            ):
                if used:
                    raise ValueError(f"{name} needs network.mean_face_max_shift above 0")
        return self

    def sha256(self) -> str:
        """Return the checksum that identifies these settings in bundles."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


# Weights or saved state depend on these settings: they cannot change during a run.
FIXED = frozenset(
    {
        "network",
        "base",
        "coverage",
        "mask_background",
        "face_mask",
        "seed",
        "validation_faces",
        "precision",
        "optimizer.ema_momentum",
    }
)
