"""Models and runs from strangers are refused or read, and nothing else: see tests/inference/test_hostile.py."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
import yaml
from onnx import helper
from tests.helpers.dfms import write_dfm
from tests.helpers.fuzz_model_readers import model_readers, weights
from tests.helpers.fuzz_mutators import nested_list
from tests.helpers.fuzz_readers import Reader, scratch_folder, try_case

from faceloom.errors import ArtifactRefused, UsageError
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_train.config import read_config
from faceloom_train.config.safe_yaml import parse_yaml
from faceloom_train.runs.hdf5_validation import check_weights_file
from faceloom_train.runs.run_directory import Run

# Of each reader, and of each slow one.
CASES, FEWER = 1000, 300
READERS = (
    ".dfm (import)", ".dfm (inspect, onnxruntime)", "faceswap model (.keras)", "weights (HDF5)", "run",
    "settings (YAML)",
)  # fmt: skip


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return {reader.name: reader for reader in model_readers(tmp_path_factory.mktemp("made"))}


def test_every_reader_is_here(readers: dict[str, Reader]) -> None:
    assert tuple(readers) == READERS


@pytest.mark.parametrize("name", READERS)
def test_spoilt_files_are_refused_or_read(readers: dict[str, Reader], name: str) -> None:
    reader = readers[name]
    with scratch_folder() as place:
        assert try_case(reader, reader.files, place), "the valid one is accepted"
        accepted = [
            try_case(reader, reader.case(seed), place)
            for seed in range(FEWER if reader.slow else CASES)
        ]
    assert not all(accepted)


def test_a_model_that_might_never_end(tmp_path: Path) -> None:
    model = onnx.load(write_dfm(tmp_path / "x.dfm"))
    inner = helper.make_graph(
        [helper.make_node("Scan", [], ["x"], num_scan_inputs=0)], "inner", [], []
    )
    model.graph.node.append(
        helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    )
    (tmp_path / "x.dfm").write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactRefused, match=r"repeats itself \(Scan\)"):
        read_dfm(tmp_path / "x.dfm", 1.0)


def test_a_graph_s_names_are_not_told_standard_output(
    tmp_path: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    """onnxruntime would say there that it tries again, and what went wrong in the file's own words."""
    path = write_dfm(tmp_path / "x.dfm")
    path.write_bytes(path.read_bytes().replace(b"ReduceMean", b"Reduce\xff\xffan"))
    code, out, err = faceloom("inspect", path)
    assert (code, out) == (3, "")
    assert "onnxruntime cannot load" in err


def linked(file: h5py.File) -> None:
    file["layers/secret"] = h5py.ExternalLink("/etc/passwd", "/")


def soft(file: h5py.File) -> None:
    file["again"] = h5py.SoftLink("/layers")


def claiming(file: h5py.File) -> None:
    file.create_dataset("huge", (10**12,), "f4")


def shrunk(file: h5py.File) -> None:
    file.create_dataset("bomb", data=np.zeros(10**6, np.float32), compression="gzip")


def outside(file: h5py.File) -> None:
    file.create_dataset("outside", (10,), "f4", external=[("/etc/passwd", 0, 40)])


def nested(file: h5py.File) -> None:
    file.create_group("a/" * 40)


@pytest.mark.parametrize("change", [linked, soft, claiming, shrunk, outside, nested])
def test_hostile_weights(tmp_path: Path, change) -> None:
    path = tmp_path / "w.h5"
    path.write_bytes(weights())
    check_weights_file(path)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(ArtifactRefused):
        check_weights_file(path)


YAMLS = {
    "code": "a: !!python/object/apply:os.system ['touch owned']",
    "nine of nine": "a: &a {x: 1}\nb: &b {<<: [*a,*a,*a,*a,*a,*a,*a,*a,*a]}\nc: {<<: [*b,*b,*b,*b,*b,*b,*b,*b,*b]}",
    "deep": "a: " + "[" * 2000,
    "a number": "a: " + "9" * 5000,
    "no such day": "a: 2026-99-99",
    "long": "a: " + "x" * 300_000,
}


@pytest.mark.parametrize("name", YAMLS)
def test_hostile_yaml(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(YAMLS[name])
    with pytest.raises(ArtifactRefused):
        Run.read(tmp_path)
    with pytest.raises((ArtifactRefused, UsageError)):
        read_config(tmp_path / "config.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_yaml_has_few_brackets_in_brackets() -> None:
    assert parse_yaml("[" * 40 + "]" * 40) == nested_list(39)
    with pytest.raises(yaml.YAMLError, match="brackets in brackets"):
        parse_yaml("[" * 60 + "]" * 60)


def test_a_run_with_a_link_in_it(readers: dict[str, Reader], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_bytes(readers["run"].files["config.yaml"])
    assert Run.read(tmp_path / "run").identities == ("ada", "ben")
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run" / "metrics.jsonl").symlink_to(tmp_path / "precious")
    with pytest.raises(ArtifactRefused, match="is a link"):
        Run.read(tmp_path / "run")
