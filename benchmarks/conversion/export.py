"""Parity, size and speed of an export: the tables of docs/bundle.md.

python -m benchmarks.conversion.export RUN [THREADS]   (default: one thread)

All candidates of a table run alternately in one process, so that other load on the machine slows
all of them alike. The shortest time of each counts.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import numpy as np
import onnx
import onnxruntime as ort
import tensorflow as tf
import tf2onnx

from faceloom.progress import run_to_completion
from faceloom.swap import Bundle
from faceloom_export.bundle.export_bundle import ExportedGraph, ExportOptions, export_bundle
from faceloom_export.graph.swap_graph import build_swap_function, load_networks
from faceloom_export.graph.tensor_names import FACE, MASK, SWAPPED
from faceloom_export.graph.tensorflow_to_onnx import OPSET, to_onnx
from faceloom_train.runs.run_directory import Run

# The most rounds of a table.
ROUNDS = 30
# Seconds after which no further round starts.
MAX_SECONDS = 25.0
# Takes a batch size and returns the work of one batch.
Candidate = Callable[[int], Callable[[], object]]


def main(run_path: Path, threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    run = Run.read(run_path)
    size, decoder = run.settings.network.size, len(run.identities) - 1
    print(
        f"{run.settings.network.kind}, {size} px, {threads} thread(s), "
        f"onnxruntime {ort.__version__}"
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bundle"
        options = ExportOptions(("fp32", "fp16", "int8"), accept_loss=True)
        summary = run_to_completion(export_bundle(run_path, run.identities[decoder], out, options))
        print_parity(summary.graphs)
        networks, _ = load_networks(run, "last")
        graphs = {row.precision: str(out / row.file) for row in Bundle.read(out).manifest.graphs}
        candidates = {
            "Keras predict": keras_predict(networks, decoder, size),
            "tf.function": tf_function(networks, decoder, size),
            **{
                f"onnxruntime {name}": onnxruntime_run(open_graph(path, threads))
                for name, path in graphs.items()
            },
        }
        print_times("program", candidates, "onnxruntime fp32", (1, 8, 32))
        candidates = graph_variants(build_swap_function(networks, decoder, size), threads)
        print_times("variant of the fp32 graph", candidates, "as exported", (1, 8))


def print_parity(graphs: tuple[ExportedGraph, ...]) -> None:
    print(
        "\n| graph | MB | relative to fp32 | max | mean | within 1 | within 2 | SSIM "
        "| identity | identity drop | limits exceeded |"
    )
    print("|---" * 11 + "|")
    for graph in graphs:
        parity = graph.parity
        print(
            f"| {graph.precision} | {graph.bytes / 1e6:.2f} "
            f"| {graph.bytes / graphs[0].bytes:.3f} "
            f"| {parity.max_difference} | {parity.mean_difference:.4f} "
            f"| {100 * parity.share_within_1:.3f} % | {100 * parity.share_within_2:.3f} % "
            f"| {parity.ssim:.4f} | {parity.identity_similarity:.3f} | {parity.identity_drop:.4f} "
            f"| {'; '.join(parity.accepted_violations) or 'no'} |"
        )


def print_times(
    title: str, candidates: Mapping[str, Candidate], reference: str, batches: tuple[int, ...]
) -> None:
    """Print milliseconds per face for each batch size, and the ratio to the reference."""
    columns = {batch: shortest_times(candidates, batch) for batch in batches}
    print(f"\n| {title} | " + " | ".join(f"batch {batch}" for batch in batches) + " |")
    print("|---" * (1 + len(batches)) + "|")
    for name in candidates:
        cells = (
            f"{1e3 * t[name] / n:.2f} ms, {t[name] / t[reference]:.2f}x" for n, t in columns.items()
        )
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def shortest_times(candidates: Mapping[str, Candidate], batch: int) -> dict[str, float]:
    """Return the shortest time of each candidate in seconds, after one warm-up."""
    work = {name: candidate(batch) for name, candidate in candidates.items()}
    for run in work.values():
        run()
    shortest = dict.fromkeys(work, np.inf)
    end = time.monotonic() + MAX_SECONDS
    for _ in range(ROUNDS):
        for name, run in work.items():
            started = time.perf_counter()
            run()
            shortest[name] = min(shortest[name], time.perf_counter() - started)
        if time.monotonic() > end:
            break
    return shortest


def keras_predict(networks: Any, decoder: int, size: int) -> Candidate:
    face = keras.Input((size, size, 3))
    model = keras.Model(face, networks.predict(face, decoder))

    def prepare(batch: int) -> Callable[[], object]:
        faces = np.float32(random_faces(batch, size)) / 255
        return lambda: model.predict(faces, batch_size=batch, verbose=0)

    return prepare


def tf_function(networks: Any, decoder: int, size: int) -> Candidate:
    function = build_swap_function(networks, decoder, size)

    def prepare(batch: int) -> Callable[[], object]:
        faces = random_faces(batch, size)
        return lambda: function(faces)[SWAPPED].numpy()

    return prepare


def onnxruntime_run(session: ort.InferenceSession) -> Candidate:
    node = session.get_inputs()[0]
    shape = [size for size in node.shape[1:] if isinstance(size, int)]

    def prepare(batch: int) -> Callable[[], object]:
        # For a graph with NCHW inputs and outputs, the time includes the transposes.
        faces = random_faces(batch, max(shape))
        if shape[0] != 3:
            return lambda: session.run(None, {node.name: faces})
        return lambda: [
            np.ascontiguousarray(output.transpose(0, 2, 3, 1))
            for output in session.run(
                None, {node.name: np.ascontiguousarray(faces.transpose(0, 3, 1, 2))}
            )
        ]

    return prepare


def graph_variants(function: Any, threads: int) -> dict[str, Candidate]:
    """Return the same network as other graphs, or with other optimizations of onnxruntime."""
    exported = to_onnx(function)
    models = {"as exported": exported, "as tf2onnx writes it": convert(function, OPSET)}
    models["NCHW inputs and outputs"] = convert(
        function, OPSET, inputs_as_nchw=[f"{FACE}:0", FACE], outputs_as_nchw=[SWAPPED, MASK]
    )
    models |= {f"opset {opset}": convert(function, opset) for opset in (13, 15, 17)}
    try:
        import onnxslim

        models["onnxslim"] = onnxslim.slim(onnx.ModelProto.FromString(exported.SerializeToString()))
    except ImportError:
        print("\nonnxslim is not installed and is left out.")
    sessions = {
        name: open_graph(model.SerializeToString(), threads) for name, model in models.items()
    }
    content = exported.SerializeToString()
    for name, optimizer in (
        ("as exported, without NCHWc blocking", "NchwcTransformer"),
        ("as exported, without swish fusion", "QuickGeluFusion"),
    ):
        sessions[name] = open_graph(content, threads, [optimizer])
    return {name: onnxruntime_run(session) for name, session in sessions.items()}


def convert(function: Any, opset: int, **layout: Any) -> onnx.ModelProto:
    return tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=opset, **layout
    )[0]


def open_graph(
    model: str | bytes, threads: int, disabled_optimizers: list[str] | None = None
) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(
        model,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=disabled_optimizers,
    )


def random_faces(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
