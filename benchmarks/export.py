"""What an export keeps, weighs and takes: the tables of docs/bundle.md.

python benchmarks/export.py RUN [THREADS]   (one thread unless said otherwise)

Every candidate of a table runs in turn in one process, again and again, so that other work on the machine
slows all of them alike; the least time of each counts.
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
from faceloom_export.bundle.export_bundle import ExportOptions, export_bundle
from faceloom_export.graph.swap_graph import build_swap_function, load_networks
from faceloom_export.graph.tensor_names import FACE, MASK, SWAPPED
from faceloom_export.graph.tensorflow_to_onnx import OPSET, to_onnx
from faceloom_train.runs.run_directory import Run

# Rounds of a table, and the seconds after which no other round begins.
ROUNDS, SECONDS = 30, 25.0
# Makes a batch's work from the number of its faces.
Candidate = Callable[[int], Callable[[], object]]


def main(run_path: Path, threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    run = Run.read(run_path)
    size, decoder = run.settings.network.size, len(run.identities) - 1
    print(
        f"{run.settings.network.kind}, {size} px, {threads} thread(s), onnxruntime {ort.__version__}"
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bundle"
        options = ExportOptions(("fp32", "fp16", "int8"), accept_loss=True)
        summary = run_to_completion(export_bundle(run_path, run.identities[decoder], out, options))
        print_kept(summary.graphs)
        networks, _ = load_networks(run)
        graphs = {row.precision: str(out / row.file) for row in Bundle.read(out).manifest.graphs}
        candidates = {
            "Keras predict": keras_predict(networks, decoder, size),
            "tf.function": tf_function(networks, decoder, size),
            **{
                f"onnxruntime {name}": in_onnxruntime(open_graph(path, threads))
                for name, path in graphs.items()
            },
        }
        print_times("program", candidates, "onnxruntime fp32", (1, 8, 32))
        candidates = forms(build_swap_function(networks, decoder, size), threads)
        print_times("form of the fp32 graph", candidates, "as exported", (1, 8))


def print_kept(graphs: Any) -> None:
    print(
        "\n| graph | MB | of fp32 | most | mean | within 1 | within 2 | SSIM | identity | less by | beyond limits |"
    )
    print("|---" * 11 + "|")
    for graph in graphs:
        parity = graph.parity
        print(
            f"| {graph.precision} | {graph.bytes / 1e6:.2f} | {graph.bytes / graphs[0].bytes:.3f} "
            f"| {parity.max_difference} | {parity.mean_difference:.4f} | {100 * parity.share_within_1:.3f} % "
            f"| {100 * parity.share_within_2:.3f} % | {parity.ssim:.4f} | {parity.identity_similarity:.3f} "
            f"| {parity.identity_drop:.4f} | {'; '.join(parity.accepted_violations) or 'no'} |"
        )


def print_times(
    what: str, candidates: Mapping[str, Candidate], reference: str, batches: tuple[int, ...]
) -> None:
    """Milliseconds a face at each batch, and how many times as long as `reference`."""
    columns = {batch: least_times(candidates, batch) for batch in batches}
    print(f"\n| {what} | " + " | ".join(f"batch {batch}" for batch in batches) + " |")
    print("|---" * (1 + len(batches)) + "|")
    for name in candidates:
        cells = (
            f"{1e3 * t[name] / n:.2f} ms, {t[name] / t[reference]:.2f}x" for n, t in columns.items()
        )
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def least_times(candidates: Mapping[str, Candidate], batch: int) -> dict[str, float]:
    work = {name: make(batch) for name, make in candidates.items()}
    for run in work.values():
        run()
    least = dict.fromkeys(work, np.inf)
    end = time.monotonic() + SECONDS
    for _ in range(ROUNDS):
        for name, run in work.items():
            started = time.perf_counter()
            run()
            least[name] = min(least[name], time.perf_counter() - started)
        if time.monotonic() > end:
            break
    return least


def keras_predict(networks: Any, decoder: int, size: int) -> Candidate:
    face = keras.Input((size, size, 3))
    model = keras.Model(face, networks.predict(face, decoder))

    def make(batch: int) -> Callable[[], object]:
        faces = np.float32(random_faces(batch, size)) / 255
        return lambda: model.predict(faces, batch_size=batch, verbose=0)

    return make


def tf_function(networks: Any, decoder: int, size: int) -> Candidate:
    function = build_swap_function(networks, decoder, size)

    def make(batch: int) -> Callable[[], object]:
        faces = random_faces(batch, size)
        return lambda: function(faces)[SWAPPED].numpy()

    return make


def in_onnxruntime(session: ort.InferenceSession) -> Candidate:
    node = session.get_inputs()[0]
    shape = [number for number in node.shape[1:] if isinstance(number, int)]

    def make(batch: int) -> Callable[[], object]:
        # Where the graph has its channels first, the runner would have to put them there and back.
        faces = random_faces(batch, max(shape))
        if shape[0] != 3:
            return lambda: session.run(None, {node.name: faces})
        return lambda: [
            np.ascontiguousarray(out.transpose(0, 2, 3, 1))
            for out in session.run(
                None, {node.name: np.ascontiguousarray(faces.transpose(0, 3, 1, 2))}
            )
        ]

    return make


def forms(function: Any, threads: int) -> dict[str, Candidate]:
    """The same network as other graphs, or run with other layouts."""
    exported = to_onnx(function)
    models = {"as exported": exported, "as tf2onnx leaves it": converted(function, OPSET)}
    models["channels first at the edges"] = converted(
        function, OPSET, inputs_as_nchw=[f"{FACE}:0", FACE], outputs_as_nchw=[SWAPPED, MASK]
    )
    models |= {f"opset {opset}": converted(function, opset) for opset in (13, 15, 17)}
    try:
        import onnxslim

        models["onnxslim"] = onnxslim.slim(onnx.ModelProto.FromString(exported.SerializeToString()))
    except ImportError:
        print("\nonnxslim is not installed and was left out.")
    sessions = {
        name: open_graph(model.SerializeToString(), threads) for name, model in models.items()
    }
    whole = exported.SerializeToString()
    sessions["as exported, no blocks of channels"] = open_graph(
        whole, threads, ["NchwcTransformer"]
    )
    sessions["as exported, swish not fused"] = open_graph(whole, threads, ["QuickGeluFusion"])
    return {name: in_onnxruntime(session) for name, session in sessions.items()}


def converted(function: Any, opset: int, **layout: Any) -> onnx.ModelProto:
    return tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=opset, **layout
    )[0]


def open_graph(
    model: str | bytes, threads: int, without: list[str] | None = None
) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    return ort.InferenceSession(model, options, providers=providers, disabled_optimizers=without)


def random_faces(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
