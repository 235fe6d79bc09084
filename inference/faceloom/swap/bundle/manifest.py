"""The data model of `manifest.json`: a bundle's graphs, golden sample and origin."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from faceloom.choices import FaceMaskKind, Precision
from faceloom.faces.alignment import CropGeometry
from faceloom.json_documents import StrictModel
from faceloom.provenance.consent import Consent
from faceloom.swap.bundle.archive import FILE_NAME

# The schema number of a manifest; raise it whenever a key changes its name or meaning.
SCHEMA: Literal[3] = 3

UnitInterval = Annotated[float, Field(ge=0, le=1)]
Levels = Annotated[int, Field(ge=0, le=255)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=FILE_NAME)]


class FileRow(StrictModel):
    """A file of the bundle."""

    file: FileName
    """Name of the file, without a folder."""
    sha256: Sha256
    """SHA-256 of the file's bytes, in lower-case hex."""


class TensorRow(StrictModel):
    """An input or output of a graph."""

    name: str
    """Name of the tensor in the graph."""
    dtype: Literal["uint8"]
    """Element type."""
    shape: tuple[Literal["batch"], int, int, int]
    """Shape in NHWC order; the batch axis is dynamic."""


class ToleranceRow(StrictModel):
    """The largest accepted difference of a replayed golden sample, in levels of 255."""

    levels: Levels
    """Difference that `min_share_within` of all bytes may not exceed."""
    min_share_within: UnitInterval
    """Smallest accepted share of bytes that differ by at most `levels`."""
    max_mean_difference: Annotated[float, Field(ge=0)]
    """Largest accepted mean difference of all bytes, in levels."""


class LimitsRow(ToleranceRow):
    """The limits that the parity check holds an exported graph to."""

    min_ssim: UnitInterval
    """Smallest accepted mean SSIM inside the trained model's mask."""
    max_identity_drop: Annotated[float, Field(ge=0)]
    """Largest accepted loss of similarity (cosine) to the identity's center."""

    def tolerance(self) -> ToleranceRow:
        """Return the limits that also hold for a replay of the golden sample."""
        return ToleranceRow(
            levels=self.levels,
            min_share_within=self.min_share_within,
            max_mean_difference=self.max_mean_difference,
        )


class ParityRow(StrictModel):
    """The parity check's result: an exported graph compared with the trained model."""

    faces: Annotated[int, Field(ge=1)]
    """Number of faces compared."""
    max_difference: Levels
    """Largest difference of a byte, in levels of 255."""
    mean_difference: Annotated[float, Field(ge=0)]
    """Mean difference of all bytes, in levels of 255."""
    share_within_1: UnitInterval
    """Share of bytes that differ by at most one level."""
    share_within_2: UnitInterval
    """Share of bytes that differ by at most two levels."""
    ssim: float
    """Mean SSIM inside the trained model's mask."""
    identity_similarity: float
    """Mean similarity (cosine) of the trained model's faces to the identity's center."""
    identity_drop: float
    """How much smaller that similarity is for the graph's faces."""
    limits: LimitsRow
    """The limits of the check."""
    accepted_violations: tuple[str, ...] = ()
    """The limits that were exceeded and accepted with `--accept-loss`, one clause each."""


class GraphRow(FileRow):
    """An ONNX graph: uint8 RGB faces in, uint8 RGB faces and uint8 masks out, all NHWC."""

    precision: Precision
    """Number format of the graph."""
    opset: Annotated[int, Field(ge=11, le=18)]
    """ONNX opset version."""
    face: TensorRow
    """The input: the target's aligned faces, 3 channels."""
    swapped: TensorRow
    """The output: the source's faces, 3 channels."""
    mask: TensorRow
    """The output: the learned masks, 1 channel."""
    tolerance: ToleranceRow
    """The limits for a replay of the golden sample on any machine."""
    parity: ParityRow | None = None
    """The parity check of the export; None for an imported model, which has no trained model to
    compare with."""


class GoldenRow(FileRow):
    """The golden sample: input faces and the trained model's outputs, in levels of 0..255."""

    faces: Annotated[int, Field(ge=0, le=100_000)]
    """Number of faces."""


class BlendRow(StrictModel):
    """The suggested blend settings; command-line options override them."""

    color: Literal["none", "lab"] = "lab"
    """Color transfer."""
    erode: Annotated[float, Field(ge=0, le=0.2)] = 0.03
    """How far the mask shrinks, as a share of the crop's side."""
    feather: Annotated[float, Field(ge=0, le=0.2)] = 0.03
    """Sigma of the mask's soft edge, as a share of the crop's side."""
    sharpen: UnitInterval = 0.0
    """The largest amount that `sharpen_to_match` may use, 0..1."""


class TrainingRow(StrictModel):
    """The training that the weights come from."""

    network: str
    """Kind of the network, such as "df" or "liae"."""
    steps: int
    """Training steps of the exported checkpoint."""
    config_sha256: Sha256
    """SHA-256 of the run's configuration."""
    base: str | None = None
    """Name of the base that the run started from; None: another run or random weights."""


class ImportedRow(StrictModel):
    """The file of another program that the graph comes from."""

    format: Literal["dfm", "faceswap"]
    """Format of the file."""
    file: str
    """Name of the file, without its folder."""
    sha256: Sha256
    """SHA-256 of the file's bytes."""
    morph: UnitInterval | None = None
    """The fixed value of the model's morph input; None if it has no such input."""


def _check_precisions_differ(graphs: tuple[GraphRow, ...]) -> tuple[GraphRow, ...]:
    if len({graph.precision for graph in graphs}) < len(graphs):
        raise ValueError("two graphs have the same precision")
    return graphs


class Manifest(StrictModel):
    """`manifest.json`."""

    schema_number: Annotated[Literal[3], Field(alias="schema")] = SCHEMA
    """Schema number of the document."""
    faceloom_version: str
    """Version of Faceloom that wrote the bundle."""
    identity: str
    """The identity whose face the bundle gives."""
    identities: tuple[str, ...]
    """All identities of the training."""
    crop: CropGeometry
    """Size, coverage and template of the network's crops."""
    mask_background: bool
    """Whether the network expects crops that are gray outside the face's mask."""
    face_mask: FaceMaskKind = "mesh"
    """How the masks that the network was trained with are made."""
    graphs: Annotated[
        tuple[GraphRow, ...], Field(min_length=1), AfterValidator(_check_precisions_differ)
    ]
    """One graph for each precision."""
    golden: GoldenRow
    """The golden sample."""
    blend: BlendRow
    """The suggested blend settings."""
    training: TrainingRow | None = None
    """The training; None for an imported model."""
    imported: ImportedRow | None = None
    """The imported file; None for a model that Faceloom trained."""
    consent: Consent = None
    """The record of consent from the run's configuration."""
    license: str | None = None
    """The license from the run's configuration, as free text."""
