"""`manifest.json` of a bundle: what its graph takes and gives, and where it comes from."""

from typing import Annotated, Literal

from pydantic import Field

from faceloom.documents import Strict
from faceloom.faces.align import CropGeometry
from faceloom.swap.contents import FILE_NAME

SCHEMA: Literal[1] = 1

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


class GraphRow(FileRow):
    """An ONNX graph: uint8 RGB faces in, uint8 RGB faces and uint8 masks out, all NHWC."""

    precision: Literal["fp32", "fp16", "int8"]
    opset: Annotated[int, Field(ge=11, le=18)]
    face: TensorRow
    swapped: TensorRow
    mask: TensorRow


class GoldenRow(FileRow):
    """Sample inputs and Keras' outputs for them, in levels of 0..255."""

    faces: int
    max_difference: Annotated[int, Field(ge=0)]
    mean_difference: Annotated[float, Field(ge=0)]
    allowed_difference: Annotated[int, Field(ge=0)]


class BlendRow(Strict):
    """How the trainer suggests to paste the face: `colour` match, `erode` and `feather` in crop sides."""

    colour: Literal["none", "lab"] = "lab"
    erode: Annotated[float, Field(ge=0, le=0.2)] = 0.04
    feather: Annotated[float, Field(ge=0, le=0.2)] = 0.04


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


class Manifest(Strict):
    """`manifest.json`. `hide_background`: the graph wants crops with GREY outside the face's mask.

    `training` is None for a model that was trained elsewhere; then `imported` says where it came from.
    """

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    faceloom: str
    identity: str
    identities: tuple[str, ...]
    crop: CropGeometry
    hide_background: bool
    graphs: Annotated[tuple[GraphRow, ...], Field(min_length=1)]
    golden: GoldenRow
    blend: BlendRow
    training: TrainingRow | None = None
    imported: ImportedRow | None = None
    consent: str | None = None
    licence: str | None = None
