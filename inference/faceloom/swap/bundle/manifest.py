"""`manifest.json` of a bundle: what its graph takes and gives, and where it comes from."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from faceloom.faces.alignment import CropGeometry
from faceloom.json_documents import Strict
from faceloom.provenance.consent import Consent
from faceloom.swap.bundle.archive import FILE_NAME

SCHEMA: Literal[2] = 2

Precision = Literal["fp32", "fp16", "int8"]
Share = Annotated[float, Field(ge=0, le=1)]
Levels = Annotated[int, Field(ge=0, le=255)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=FILE_NAME)]


class FileRow(Strict):
    """A file of the bundle."""

    file: FileName
    sha256: Sha256


class TensorRow(Strict):
    """An input or output of the graph; the batch axis is called "batch", the others are numbers."""

    name: str
    dtype: Literal["uint8"]
    shape: tuple[Literal["batch"], int, int, int]


class ToleranceRow(Strict):
    """How far a replay of the golden sample may be off, in levels of 255.

    `share_within` of all bytes are at most `levels` off, and all of them `mean_difference` in the mean.
    """

    levels: Levels
    share_within: Share
    mean_difference: Annotated[float, Field(ge=0)]


class LimitsRow(ToleranceRow):
    """What a graph must keep of the trained model to be written: SSIM, and the drawn person's identity (cosine)."""

    similarity: Share
    identity_loss: Annotated[float, Field(ge=0)]

    def tolerance(self) -> ToleranceRow:
        """Return the part that a replay of the golden sample is held to."""
        return ToleranceRow(
            levels=self.levels, share_within=self.share_within, mean_difference=self.mean_difference
        )


class ProofRow(Strict):
    """What a graph keeps of the trained model, on faces of the run; differences in levels of 255.

    within_one, within_two: shares of bytes at most so many levels off. similarity: mean SSIM inside the trained
    model's mask. identity: mean cosine of the trained model's faces to the person's center; identity_loss: by how
    much the graph's faces have less. accepted: each limit that was missed, if `--accept-loss` wrote it anyway.
    """

    faces: Annotated[int, Field(ge=1)]
    max_difference: Levels
    mean_difference: Annotated[float, Field(ge=0)]
    within_one: Share
    within_two: Share
    similarity: float
    identity: float
    identity_loss: float
    limits: LimitsRow
    accepted: tuple[str, ...] = ()


class GraphRow(FileRow):
    """An ONNX graph: uint8 RGB faces in, uint8 RGB faces and uint8 masks out, all NHWC.

    tolerance: what a replay of the golden sample is held to on any machine. proof: how near the graph was
    to the trained model where it was exported; None for an imported model, which the golden sample alone holds.
    """

    precision: Precision
    opset: Annotated[int, Field(ge=11, le=18)]
    face: TensorRow
    swapped: TensorRow
    mask: TensorRow
    tolerance: ToleranceRow
    proof: ProofRow | None = None


class GoldenRow(FileRow):
    """Sample inputs and Keras' outputs for them, in levels of 0..255. Every graph is replayed against these."""

    faces: Annotated[int, Field(ge=0, le=100_000)]


class BlendRow(Strict):
    """How the trainer suggests to paste the face. erode, feather: in crop sides. sharpen: `most` of `sharpen_like`."""

    color: Literal["none", "lab"] = "lab"
    erode: Annotated[float, Field(ge=0, le=0.2)] = 0.03
    feather: Annotated[float, Field(ge=0, le=0.2)] = 0.03
    sharpen: Share = 0.0


class TrainingRow(Strict):
    """Where the weights come from."""

    network: str
    steps: int
    settings_sha256: Sha256


class ImportedRow(Strict):
    """The file of another program that the graph was made from; `morph` is what its slider was fixed at."""

    format: Literal["dfm", "faceswap"]
    file: str
    sha256: Sha256
    morph: Annotated[float, Field(ge=0, le=1)] | None = None


def _one_of_each(graphs: tuple[GraphRow, ...]) -> tuple[GraphRow, ...]:
    if len({graph.precision for graph in graphs}) < len(graphs):
        raise ValueError("two graphs have the same precision")
    return graphs


class Manifest(Strict):
    """`manifest.json`. `hide_background`: the graph wants crops with GRAY outside the face's mask.

    `training` is None for a model that was trained elsewhere; then `imported` says where it came from.
    """

    schema_number: Annotated[Literal[2], Field(alias="schema")] = SCHEMA
    faceloom: str
    identity: str
    identities: tuple[str, ...]
    crop: CropGeometry
    hide_background: bool
    graphs: Annotated[tuple[GraphRow, ...], Field(min_length=1), AfterValidator(_one_of_each)]
    golden: GoldenRow
    blend: BlendRow
    training: TrainingRow | None = None
    imported: ImportedRow | None = None
    consent: Consent = None
    license: str | None = None
