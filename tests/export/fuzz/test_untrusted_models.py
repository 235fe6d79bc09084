"""Untrusted models and runs are refused or read (see tests/inference/fuzz)."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
import yaml
from onnx import helper
from tests.helpers.dfms import SIDE, write_dfm
from tests.helpers.fuzzing.cases import Reader, check_reader
from tests.helpers.fuzzing.model_readers import model_readers, original_weights
from tests.helpers.fuzzing.mutators import nested_list

from faceloom.errors import ArtifactRefused, UsageError
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_train.config import read_config
from faceloom_train.config.safe_yaml import parse_yaml
from faceloom_train.runs.hdf5_validation import check_weights_file
from faceloom_train.runs.run_directory import Run

READERS = (
    ".dfm (import)", ".dfm (whole import)", ".dfm (inspect, onnxruntime)",
    "faceswap model (.keras)", "weights (HDF5)", "run", "settings (YAML)",
)  # fmt: skip


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    """The readers by name."""
    return {reader.name: reader for reader in model_readers(tmp_path_factory.mktemp("valid"))}


def test_every_reader_is_tested(readers: dict[str, Reader]) -> None:
    assert tuple(readers) == READERS


@pytest.mark.fuzz
@pytest.mark.parametrize("name", READERS)
def test_mutated_files_are_refused_or_read(readers: dict[str, Reader], name: str) -> None:
    check_reader(readers[name])


def test_dfm_with_a_loop_is_refused(tmp_path: Path) -> None:
    model = onnx.load(write_dfm(tmp_path / "x.dfm"))
    subgraph = helper.make_graph(
        [helper.make_node("Scan", [], ["x"], num_scan_inputs=0)], "subgraph", [], []
    )
    model.graph.node.append(
        helper.make_node("If", ["c"], ["y"], then_branch=subgraph, else_branch=subgraph)
    )
    (tmp_path / "x.dfm").write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactRefused, match=r"contains loops \(Scan\)"):
        read_dfm(tmp_path / "x.dfm", 1.0)


def test_dfm_with_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = write_dfm(tmp_path / "x.dfm")
    path.write_bytes(path.read_bytes().replace(b"target_mask", b"\xff\xffrget_mask"))
    with pytest.raises(ArtifactRefused, match="of its NodeProto is not UTF-8"):
        read_dfm(path, 1.0)


@pytest.mark.parametrize("opset", [10, 12])
@pytest.mark.parametrize("where", ["input", "constant"])
def test_dfm_with_a_negative_size_is_refused(tmp_path: Path, opset: int, where: str) -> None:
    """Converting a file of opset 10 infers shapes, which ends the process at such a Slice."""
    shape = ("n", -1 if where == "input" else SIDE, SIDE, 3)
    path = write_dfm(tmp_path / "x.dfm", shape=shape, opset=opset, square=False)
    if where == "constant":
        model = onnx.load(path)
        model.graph.initializer[0].dims[0] = -1
        path.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactRefused, match="a size in it is negative"):
        read_dfm(path, 1.0)


def test_onnxruntime_prints_nothing_to_standard_output(
    tmp_path: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    """With fallback on, onnxruntime would print its error with names from the file."""
    path = write_dfm(tmp_path / "x.dfm")
    path.write_bytes(path.read_bytes().replace(b"ReduceMean", b"Reduce\xff\xffan"))
    code, out, err = faceloom("inspect", path)
    assert (code, out) == (3, "")
    assert "onnxruntime cannot load" in err


def add_external_link(file: h5py.File) -> None:
    file["layers/secret"] = h5py.ExternalLink("/etc/passwd", "/")


def add_soft_link(file: h5py.File) -> None:
    file["again"] = h5py.SoftLink("/layers")


def add_huge_dataset(file: h5py.File) -> None:
    file.create_dataset("huge", (10**12,), "f4")


def add_compressed_dataset(file: h5py.File) -> None:
    file.create_dataset("bomb", data=np.zeros(10**6, np.float32), compression="gzip")


def add_external_dataset(file: h5py.File) -> None:
    file.create_dataset("outside", (10,), "f4", external=[("/etc/passwd", 0, 40)])


def add_deep_groups(file: h5py.File) -> None:
    file.create_group("a/" * 40)


@pytest.mark.parametrize(
    "change",
    [
        add_external_link,
        add_soft_link,
        add_huge_dataset,
        add_compressed_dataset,
        add_external_dataset,
        add_deep_groups,
    ],
)
def test_malicious_weights_are_refused(tmp_path: Path, change) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(original_weights())
    check_weights_file(path)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(ArtifactRefused):
        check_weights_file(path)


YAMLS = {
    "code": "a: !!python/object/apply:os.system ['touch owned']",
    "aliases of aliases": "a: &a {x: 1}\nb: &b {<<: [*a,*a,*a,*a,*a,*a,*a,*a,*a]}\n"
    "c: {<<: [*b,*b,*b,*b,*b,*b,*b,*b,*b]}",
    "deep nesting": "a: " + "[" * 2000,
    "a long number": "a: " + "9" * 5000,
    "an invalid date": "a: 2026-99-99",
    "a long text": "a: " + "x" * 300_000,
}


@pytest.mark.parametrize("name", YAMLS)
def test_malicious_yaml_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(YAMLS[name])
    with pytest.raises(ArtifactRefused):
        Run.read(tmp_path)
    with pytest.raises((ArtifactRefused, UsageError)):
        read_config(tmp_path / "config.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_yaml_nesting_is_limited() -> None:
    assert parse_yaml("[" * 40 + "]" * 40) == nested_list(39)
    with pytest.raises(yaml.YAMLError, match="nested more than"):
        parse_yaml("[" * 60 + "]" * 60)


def test_run_with_a_link_is_refused(readers: dict[str, Reader], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_bytes(readers["run"].files["config.yaml"])
    assert Run.read(tmp_path / "run").identities == ("ada", "ben")
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run" / "metrics.jsonl").symlink_to(tmp_path / "precious")
    with pytest.raises(ArtifactRefused, match="is a symbolic link"):
        Run.read(tmp_path / "run")
