"""The readers of models and runs, which need the exporter and the trainer: see `strangers`."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from tests.helpers.dfms import write_dfm
from tests.helpers.fuzz_mutators import Mutator, to_zip
from tests.helpers.fuzz_readers import Reader, mutate_by_extension

from faceloom.inspect.artifacts import describe_onnx
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_export.importers.faceswap_reader import read_faceswap
from faceloom_train.config import read_config
from faceloom_train.runs.describe import describe_run
from faceloom_train.runs.hdf5_validation import check_weights_file
from faceloom_train.runs.run_directory import Run

_CONFIG = b"""faces: {ada: ../faces/ada, ben: ../faces/ben}
init_from: ../other
settings:
  network: {kind: df, size: 96, encoder: [8, 16], latent_dim: 16, decoder: [16, 8], residual_blocks: [0, 1], output_stride: 4}
  steps: 400
  batch_size: 8
  consent: Ada agreed
"""


def model_readers(scratch: Path) -> Iterator[Reader]:
    """Yield the readers; valid artifacts are made in `scratch`."""
    dfm = write_dfm(scratch / "x.dfm").read_bytes()
    yield Reader(
        ".dfm (import)",
        {"x.dfm": dfm},
        lambda folder: read_dfm(folder / "x.dfm", 1.0),
        mutate_by_extension,
    )
    yield Reader(
        ".dfm (inspect, onnxruntime)",
        {"x.dfm": dfm},
        lambda folder: describe_onnx(folder / "x.dfm"),
        mutate_by_extension,
    )
    keras = {
        "x.keras": to_zip(
            {"config.json": json.dumps(original()).encode(), "model.weights.h5": weights()}
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

    yield Reader("weights (HDF5)", {"x.h5": weights()}, read_weights, mutate_by_extension)
    metrics = b'{"step": 1, "loss": 0.5}\n{"step": 2, "changed": "steps", "from": 1, "to": 2}\n'
    # A wide network is in the settings; here it would be read twice a case.
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

    yield Reader("run", run, read_run, _yaml, slow=True)
    settings = _CONFIG[_CONFIG.index(b"settings:\n") + 10 :].replace(b"\n  ", b"\n").lstrip()
    yield Reader(
        "settings (YAML)",
        {"x.yaml": settings},
        lambda folder: read_config(folder / "x.yaml"),
        _yaml,
    )


def _yaml(mutator: Mutator, name: str, data: bytes) -> bytes:
    """Change bytes, or put a strange value behind a key."""
    if not name.endswith(".yaml") or mutator.random.random() < 0.5:
        return mutate_by_extension(mutator, name, data)
    lines = data.splitlines()
    at = mutator.random.randrange(len(lines))
    key = lines[at].partition(b":")[0]
    lines[at] = key + b": " + mutator.random.choice(
        (b"!!python/object/apply:os.system ['touch ../owned']", b"&a [*a, *a]", b"{<<: {a: 1}}", b"[" * 3000,
         b"9" * 5000,
         b"2026-99-99", b".inf", b".nan", b"0x" + b"f" * 5000, b"!!binary x", b"!!set {a}", b"~", b"1:99:99",
         b'"a\\0b"', b"!!int x", b"!!timestamp x", b"- " * 2000, b"? " * 900, b"{? [a]: b}", b"|\n x", b"%TAG")
    )  # fmt: skip
    return b"\n".join(lines)


def original() -> dict[str, object]:
    """A model of the form of faceswap's: 3 to 12 channels at half the size and back; then a decoder of one layer."""

    def layer(kind: str, name: str, before: str | None, **config: object) -> dict[str, object]:
        nodes = (
            []
            if before is None
            else [{"args": [{"config": {"keras_history": [before, 0, 0]}}], "kwargs": {}}]
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


def weights() -> bytes:
    """The weights of `original`, in Keras' places."""
    content = io.BytesIO()
    random = np.random.default_rng(0)
    with h5py.File(content, "w") as file:
        for part, outputs in (("functional", 12), ("functional_1", 3), ("functional_2", 3)):
            place = f"layers/{part}/layers/conv2d/vars"
            file[f"{place}/0"] = random.normal(0, 0.1, (3, 3, 3, outputs)).astype(np.float32)
            file[f"{place}/1"] = np.zeros(outputs, np.float32)
    return content.getvalue()
