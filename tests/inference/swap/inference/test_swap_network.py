"""A bundle whose network fails while it runs is refused."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.helpers.bundles import SIZE, make_bundle

from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of_file
from faceloom.swap import Bundle, SwapNetwork


def start_with_a_scalar(graph: onnx.GraphProto) -> None:
    """Let slices start at a constant that is no list, which onnxruntime refuses when it runs."""
    tensor = next(tensor for tensor in graph.initializer if tensor.name == "zero")
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.array(0), "zero"))


def drop_the_first_face(graph: onnx.GraphProto) -> None:
    node = next(node for node in graph.node if node.output == ["swapped"])
    node.input[:] = ["inverted_uint8", "one", "out", "zero"]


# Changes of `make_bundle`'s graph, and the error.
CHANGES = {
    "a failing node": (start_with_a_scalar, r"swap.onnx does not run \(.*Slice node"),
    "fewer faces": (drop_the_first_face, r"has outputs of \(1, 64, 64, 3\) and \(2, 64, 64, 1\)"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_network_that_fails_while_it_runs_is_refused(tmp_path: Path, name: str) -> None:
    change, message = CHANGES[name]
    folder = make_bundle(tmp_path / "b")
    model = onnx.load(folder / "swap.onnx")
    change(model.graph)
    onnx.save(model, folder / "swap.onnx")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["graphs"][0]["sha256"] = sha256_of_file(folder / "swap.onnx")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    network = SwapNetwork.open(Bundle.read(folder), "cpu")
    with pytest.raises(ArtifactRefused, match=message):
        network.swap(np.zeros((2, SIZE, SIZE, 3), np.uint8))
