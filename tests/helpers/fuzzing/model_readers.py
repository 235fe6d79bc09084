"""The readers of untrusted models and runs; they need the exporter and the trainer."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np
from tests.helpers.dfms import write_dfm
from tests.helpers.fuzzing.cases import Reader, mutate_by_extension, mutate_value_after
from tests.helpers.fuzzing.mutators import Mutator, to_zip

from faceloom.faces.alignment import CropGeometry
from faceloom.inspect.artifacts import describe_onnx
from faceloom.progress import run_to_completion
from faceloom_export.bundle import import_model
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_export.importers.faceswap_reader import read_faceswap
from faceloom_train.config import read_config
from faceloom_train.runs.describe import describe_run
from faceloom_train.runs.hdf5_validation import check_weights_file
from faceloom_train.runs.run_directory import SCHEMA, Run

_CONFIG = (
    f"schema: {SCHEMA}\n".encode()
    + b"""faces: {ada: ../faces/ada, ben: ../faces/ben}
init_from: ../other
settings:
  network: {kind: df, size: 96, encoder: [8, 16], latent_dim: 16, decoder: [16, 8],\
 residual_blocks: [0, 1], output_stride: 4}
  steps: 400
  batch_size: 8
  consent: Ada agreed
"""
)


# Values that replace one in a YAML file.
_YAML_VALUES = (
    b"!!python/object/apply:os.system ['touch ../owned']", b"&a [*a, *a]", b"{<<: {a: 1}}",
    b"[" * 3000, b"9" * 5000, b"2026-99-99", b".inf", b".nan", b"0x" + b"f" * 5000, b"!!binary x",
    b"!!set {a}", b"~", b"1:99:99", b'"a\\0b"', b"!!int x", b"!!timestamp x", b"- " * 2000,
    b"? " * 900, b"{? [a]: b}", b"|\n x", b"%TAG",
)  # fmt: skip


def model_readers(scratch: Path) -> Iterator[Reader]:
    """Yield the readers; the valid artifacts are written to `scratch`."""
    dfm = write_dfm(scratch / "x.dfm").read_bytes()
    yield Reader(
        ".dfm (import)",
        {"x.dfm": dfm},
        lambda folder: read_dfm(folder / "x.dfm", 1.0),
        mutate_by_extension,
    )
    yield Reader(".dfm (whole import)", {"x.dfm": dfm}, _import, mutate_by_extension, slow=True)
    yield Reader(
        ".dfm (inspect, onnxruntime)",
        {"x.dfm": dfm},
        lambda folder: describe_onnx(folder / "x.dfm"),
        mutate_by_extension,
    )
    keras = {
        "x.keras": to_zip(
            {
                "config.json": json.dumps(original_config()).encode(),
                "model.weights.h5": original_weights(),
            }
        )
    }
    yield Reader(
        "faceswap model (.keras)",
        keras,
        lambda folder: read_faceswap(folder / "x.keras", "b", 1.0),
        mutate_by_extension,
        slow=True,
    )

    def read_weights(folder: Path) -> None:
        check_weights_file(folder / "x.h5")

    yield Reader("weights (HDF5)", {"x.h5": original_weights()}, read_weights, mutate_by_extension)
    metrics = (
        b'{"step": 1, "loss": 0.5}\n'
        b'{"step": 2, "event": "setting_changed", "setting": "steps", "old": 1, "new": 2}\n'
    )
    # The settings reader below covers the network; here it would be parsed twice for each case.
    config = re.sub(rb"network: .*", b"network: {kind: original}", _CONFIG)
    run = {
        "config.yaml": config,
        "metrics.jsonl": metrics,
        "checkpoints/step-00000002/checkpoint.json": b"{}",
    }

    def read_run(folder: Path) -> None:
        describe_run(folder)
        run = Run.read(folder)
        run.read_metrics()
        run.drop_metrics_after(1)

    yield Reader("run", run, read_run, _mutate_yaml, slow=True)
    settings = _CONFIG[_CONFIG.index(b"settings:\n") + 10 :].replace(b"\n  ", b"\n").lstrip()
    yield Reader(
        "settings (YAML)",
        {"x.yaml": settings},
        lambda folder: read_config(folder / "x.yaml"),
        _mutate_yaml,
    )


def _import(folder: Path) -> None:
    """Write the bundle of a .dfm; its network runs on gray pictures, for speed."""

    def gray_faces(crop: CropGeometry) -> np.ndarray:
        return np.full((2, crop.size, crop.size, 3), 90, np.uint8)

    with patch.object(import_model, "_sample_faces", gray_faces):
        options = import_model.ImportOptions("ben")
        run_to_completion(
            import_model.import_model(folder / "x.dfm", folder / "ben.bundle", options)
        )


def _mutate_yaml(mutator: Mutator, name: str, data: bytes) -> bytes:
    mutate = (
        mutate_value_after(b":", _YAML_VALUES) if name.endswith(".yaml") else mutate_by_extension
    )
    return mutate(mutator, name, data)


def original_config() -> dict[str, object]:
    """Return the config.json of a small faceswap model with one layer in each decoder."""

    def layer(kind: str, name: str, previous: str | None, **config: object) -> dict[str, object]:
        nodes = (
            []
            if previous is None
            else [{"args": [{"config": {"keras_history": [previous, 0, 0]}}], "kwargs": {}}]
        )
        return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}

    def model(name: str, layers: list[dict[str, object]]) -> dict[str, object]:
        return {
            "class_name": "Functional",
            "name": name,
            "config": {"name": name, "layers": layers},
        }

    conv = {"padding": "same", "dilation_rate": [1, 1], "groups": 1, "data_format": "channels_last"}
    shape = [None, 64, 64, 3]
    encoder = [
        layer("InputLayer", "in", None, batch_shape=shape),
        layer("Conv2D", "down", "in", strides=[2, 2], activation="linear", **conv),
        layer("LeakyReLU", "leak", "down", negative_slope=0.1),
        layer("PixelShuffler", "up", "leak", size=[2, 2]),
    ]
    decoders = [
        model(
            f"decoder_{side}",
            [
                layer("InputLayer", "in", None, batch_shape=shape),
                layer("Conv2D", "out", "in", strides=[1, 1], activation="sigmoid", **conv),
            ],
        )
        for side in "ab"
    ]
    return {"config": {"name": "original", "layers": [model("encoder", encoder), *decoders]}}


def original_weights() -> bytes:
    """Return the HDF5 file with the weights of `original_config`, at Keras' paths."""
    content = io.BytesIO()
    random = np.random.default_rng(0)
    with h5py.File(content, "w") as file:
        for part, outputs in (("functional", 12), ("functional_1", 3), ("functional_2", 3)):
            group = f"layers/{part}/layers/conv2d/vars"
            file[f"{group}/0"] = random.normal(0, 0.1, (3, 3, 3, outputs)).astype(np.float32)
            file[f"{group}/1"] = np.zeros(outputs, np.float32)
    return content.getvalue()
