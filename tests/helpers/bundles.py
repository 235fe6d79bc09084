"""Make a bundle of 2 kB with a known network: it inverts the colors and its mask is full."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from faceloom import __version__
from faceloom.faces.alignment import CropGeometry
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import to_json
from faceloom.swap.bundle.manifest import (
    BlendRow,
    GoldenRow,
    GraphRow,
    Manifest,
    TensorRow,
    ToleranceRow,
    TrainingRow,
)

SIZE = 64


def make_bundle(path: Path, *, channels_out: int = 3, **changes: object) -> Path:
    """Write the bundle.

    Args:
        path: The folder to write.
        channels_out: Channels of the output `swapped`; with any number but 3 the graph does not
            match its manifest.
        **changes: Values of the manifest.

    Returns:
        The folder.
    """
    path.mkdir()
    onnx.save(_inverting_graph(channels_out), path / "swap.onnx")
    faces = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    np.savez(
        path / "golden.npz",
        faces=faces,
        swapped=255 - faces,
        masks=np.full(faces.shape[:3], 255, np.uint8),
    )
    face, swapped, mask = (
        TensorRow(name=name, dtype="uint8", shape=("batch", SIZE, SIZE, channels))
        for name, channels in (("face", 3), ("swapped", 3), ("mask", 1))
    )
    graph = GraphRow(
        file="swap.onnx",
        sha256=sha256_of_file(path / "swap.onnx"),
        precision="fp32",
        opset=17,
        face=face,
        swapped=swapped,
        mask=mask,
        tolerance=ToleranceRow(levels=1, min_share_within=0.9999, max_mean_difference=0.1),
    )
    golden = GoldenRow(
        file="golden.npz",
        sha256=sha256_of_file(path / "golden.npz"),
        faces=2,
    )
    manifest = Manifest(
        faceloom_version=__version__,
        identity="ben",
        identities=("ada", "ben"),
        crop=CropGeometry(size=SIZE, coverage=1),
        mask_background=False,
        face_mask="regions",
        graphs=(graph,),
        golden=golden,
        blend=BlendRow(color="none"),
        training=TrainingRow(network="df", steps=1, config_sha256="0" * 64),
    )
    (path / "manifest.json").write_text(to_json(manifest.model_copy(update=changes)))
    return path


def _inverting_graph(channels_out: int) -> onnx.ModelProto:
    def tensor(name: str, channels: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(
            name, TensorProto.UINT8, ["batch", SIZE, SIZE, channels]
        )

    nodes = [
        helper.make_node("Cast", ["face"], ["level"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["white", "level"], ["inverted"]),
        helper.make_node("Cast", ["inverted"], ["inverted_uint8"], to=TensorProto.UINT8),
        helper.make_node("Slice", ["inverted_uint8", "zero", "out", "axis"], ["swapped"]),
        helper.make_node("Slice", ["level", "zero", "one", "axis"], ["first_channel"]),
        helper.make_node("Mul", ["first_channel", "null"], ["black"]),
        helper.make_node("Add", ["black", "white"], ["full"]),
        helper.make_node("Cast", ["full"], ["mask"], to=TensorProto.UINT8),
    ]
    constants = {
        "white": np.float32(255),
        "null": np.float32(0),
        "zero": np.int64([0]),
        "one": np.int64([1]),
        "out": np.int64([channels_out]),
        "axis": np.int64([3]),
    }
    graph = helper.make_graph(
        nodes,
        "inverts",
        [tensor("face", 3)],
        [tensor("swapped", channels_out), tensor("mask", 1)],
        [
            onnx.numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
