"""Describe the runtime's own artifacts: bundles, ONNX files, face sets and projects."""

from collections import Counter
from pathlib import Path
from typing import Any

import onnxruntime as ort

from faceloom.faceset import FaceSet
from faceloom.hashing import sha256_of
from faceloom.project import Project
from faceloom.provenance.metadata import from_metadata
from faceloom.safe_read import as_artifact_refused, read_bounded
from faceloom.swap import Bundle
from faceloom.swap.bundle import GraphRow, TensorRow
from faceloom.swap.inference import open_session

# Largest size of an ONNX file in bytes, the limit of its format.
_MAX_BYTES = 2**31


def describe_bundle(path: Path) -> dict[str, Any]:
    """Describe a bundle by its manifest, after all of its files are checked.

    Args:
        path: The folder or .zip.

    Returns:
        Identities, crop, graphs, origin, consent, license and size.

    Raises:
        ArtifactRefused: The bundle is damaged.
    """
    bundle = Bundle.read(path)
    manifest = bundle.manifest
    consent = manifest.consent and manifest.consent.model_dump(mode="json", exclude_defaults=True)
    return {
        "identity": manifest.identity,
        "identities": list(manifest.identities),
        "size": manifest.crop.size,
        "coverage": manifest.crop.coverage,
        "mask_background": manifest.mask_background,
        "face_mask": manifest.face_mask,
        "graphs": [_describe_graph(bundle, row) for row in manifest.graphs],
        "golden": manifest.golden.model_dump(mode="json", exclude={"file", "sha256"}),
        **manifest.model_dump(mode="json", include={"training", "imported", "license"}),
        "consent": consent,
        "faceloom_version": manifest.faceloom_version,
        "bytes": sum(map(len, bundle.contents.values())),
    }


def describe_onnx(path: Path) -> dict[str, Any]:
    """Describe a .dfm or any other ONNX file without running it.

    Args:
        path: The file.

    Returns:
        Inputs, outputs, Faceloom's metadata, size and SHA-256.

    Raises:
        ArtifactRefused: onnxruntime cannot load the file.
    """
    content = read_bounded(path, _MAX_BYTES)
    session = open_session(path, "cpu", content, optimize=False)
    with as_artifact_refused(f"{path} has names that are not text", (UnicodeDecodeError,)):
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


def describe_face_set(path: Path) -> dict[str, Any]:
    """Describe a face set.

    Args:
        path: Its folder.

    Returns:
        The identity, the number and size of the faces, and their files.

    Raises:
        ArtifactRefused: The face set is damaged.
    """
    faces = FaceSet.read(path)
    counts = Counter(row.file for row in faces.rows)
    return {
        "identity": faces.identity,
        "faces": len(faces),
        "size": faces.geometry.size,
        "coverage": faces.geometry.coverage,
        "files": [
            {
                "name": file.name,
                "kind": file.kind,
                "frames": file.frames,
                "faces": counts[index],
            }
            for index, file in enumerate(faces.files)
        ],
    }


def describe_project(path: Path) -> dict[str, Any]:
    """Describe a project.

    Args:
        path: Its folder.

    Returns:
        Its swaps, and which of its artifacts are complete.

    Raises:
        ArtifactRefused: `project.json` is damaged or has another schema.
    """
    project = Project.read(path)
    steps = project.steps()
    return {
        "swaps": [
            {
                "guest": choices.guest.name,
                "target": choices.target.name,
                "frames": choices.frames,
                "preset": choices.training.preset,
                "planned_steps": choices.training.steps,
                "trained_steps": project.trained_steps(choices.training.run),
                "minutes": round(choices.spent / 60, 1),
            }
            for choices in project.all_choices()
        ],
        "complete": [name for name, record in steps.items() if record.done],
        "not_complete": [name for name, record in steps.items() if not record.done],
    }


def _describe_graph(bundle: Bundle, row: GraphRow) -> dict[str, Any]:
    return {
        "file": row.file,
        "precision": row.precision,
        "opset": row.opset,
        "inputs": [_describe_tensor(row.face)],
        "outputs": [_describe_tensor(row.swapped), _describe_tensor(row.mask)],
        "parity": row.parity and row.parity.model_dump(mode="json", exclude={"limits"}),
        "bytes": len(bundle.read_file(row)),
    }


def _describe_tensor(tensor: TensorRow) -> str:
    return f"{tensor.name} {tensor.dtype} {list(tensor.shape)}".replace("'", "")


def _describe_node(node: ort.NodeArg) -> str:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return f"{node.name} {dtype} {[size or 'any' for size in node.shape]}".replace("'", "")
