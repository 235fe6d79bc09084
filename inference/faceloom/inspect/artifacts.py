"""What the runtime's own artifacts say of themselves."""

from collections import Counter
from pathlib import Path
from typing import Any

import onnxruntime as ort

from faceloom.faceset import FaceSet
from faceloom.hashing import sha256_of
from faceloom.provenance.metadata import from_metadata
from faceloom.safe_read import read_bounded, refused_as
from faceloom.swap.bundle.archive import list_files, read_file
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.bundle.manifest import GraphRow, TensorRow
from faceloom.swap.inference.providers import open_session

# Where ONNX ends.
_MOST_BYTES = 2**31


def describe_bundle(path: Path) -> dict[str, Any]:
    """Return what a bundle's manifest says, once its files are known to be the ones it names."""
    bundle = Bundle.read(path)
    manifest = bundle.manifest
    said = manifest.model_dump(mode="json", include={"training", "imported", "license"})
    consent = manifest.consent and manifest.consent.model_dump(mode="json", exclude_defaults=True)
    return {
        "identity": manifest.identity,
        "identities": list(manifest.identities),
        "size": manifest.crop.size,
        "coverage": manifest.crop.coverage,
        "hide_background": manifest.hide_background,
        "graphs": [_describe_row(bundle, row) for row in manifest.graphs],
        "golden": manifest.golden.model_dump(mode="json", exclude={"file", "sha256"}),
        **said,
        "consent": consent,
        "faceloom": manifest.faceloom,
        "bytes": sum(len(read_file(path, name)) for name in list_files(path)),
    }


def describe_graph(path: Path) -> dict[str, Any]:
    """Return a .dfm's, or any ONNX file's, inputs, outputs and what is recorded in it; nothing is run."""
    content = read_bounded(path, _MOST_BYTES)
    session = open_session(path, "cpu", content, optimze=False)
    with refused_as(f"{path} holds names that are no text", (UnicodeDecodeError,)):
        metadata = session.get_modelmeta().custom_metadata_map
        inputs = [_describe_node(node) for node in session.get_inputs()]
        outputs = [_describe_node(node) for node in session.get_outputs()]
    return {
        "inputs": inputs,
        "outputs": outputs,
        "provenance": dict(sorted(from_metadata(metadata).items())),
        "bytes": len(content),
        "sha256": sha256_of(content),
    }


def describe_faceset(path: Path) -> dict[str, Any]:
    """Return whose faces a set holds, how many, and where they are from."""
    faces = FaceSet.read(path)
    count = Counter(row.source for row in faces.rows)
    return {
        "identity": faces.identity,
        "faces": len(faces),
        "size": faces.geometry.size,
        "coverage": faces.geometry.coverage,
        "sources": [
            {
                "name": source.name,
                "kind": source.kind,
                "frames": source.frames,
                "faces": count[number],
            }
            for number, source in enumerate(faces.sources)
        ],
    }


def _describe_row(bundle: Bundle, row: GraphRow) -> dict[str, Any]:
    return {
        "file": row.file,
        "precision": row.precision,
        "opset": row.opset,
        "inputs": [_describe_tensor(row.face)],
        "outputs": [_describe_tensor(row.swapped), _describe_tensor(row.mask)],
        "proof": row.proof and row.proof.model_dump(mode="json", exclude={"limits"}),
        "bytes": len(bundle.read_file(row)),
    }


def _describe_tensor(tensor: TensorRow) -> str:
    return f"{tensor.name} {tensor.dtype} {list(tensor.shape)}".replace("'", "")


def _describe_node(node: ort.NodeArg) -> str:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return f"{node.name} {dtype} {[size or 'any' for size in node.shape]}".replace("'", "")
