"""The choice of a bundle's graph, and the tolerance for a replay of its golden sample."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from tests.helpers.bundles import make_bundle

from faceloom import hardware
from faceloom.errors import UsageError
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.bundle.manifest import GraphRow, TensorRow, ToleranceRow
from faceloom.swap.bundle.output_difference import compare_outputs
from faceloom.swap.inference import providers
from faceloom.swap.inference.graph_selection import choose_graph
from faceloom.swap.inference.providers import PROVIDERS, provider_options
from faceloom.swap.inference.swap_network import SwapNetwork

ALL_PRECISIONS = ("fp32", "fp16", "int8")
WITHIN_ONE = ToleranceRow(levels=1, min_share_within=0.9, max_mean_difference=0.1)


@pytest.fixture
def cpu_with_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes /proc/cpuinfo list the given CPU flags."""

    def set_flags(flags: str) -> None:
        (tmp_path / "cpuinfo").write_text(f"flags : fpu {flags}\n")
        monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "cpuinfo")

    return set_flags


def graphs(*precisions: str) -> list[GraphRow]:
    tensors = {
        name: TensorRow(name=name, dtype="uint8", shape=("batch", 64, 64, 3))
        for name in ("face", "swapped", "mask")
    }
    return [
        GraphRow(
            file=f"{p}.onnx",
            sha256="0" * 64,
            precision=p,
            opset=18,
            tolerance=WITHIN_ONE,
            **tensors,
        )
        for p in precisions
    ]


@pytest.mark.parametrize(
    ("available", "provider", "precision", "expected"),
    [
        (ALL_PRECISIONS, "cpu", "auto", "int8"),
        (ALL_PRECISIONS, "cuda", "auto", "fp16"),
        (ALL_PRECISIONS, "tensorrt", "auto", "fp16"),
        (ALL_PRECISIONS, "coreml", "auto", "fp32"),
        (("fp16", "fp32"), "cpu", "auto", "fp32"),
        (("int8", "fp32"), "cuda", "auto", "fp32"),
        (("int8",), "cuda", "auto", "int8"),
        (("fp16",), "cpu", "auto", "fp16"),
        (ALL_PRECISIONS, "cpu", "fp32", "fp32"),
        (ALL_PRECISIONS, "cuda", "int8", "int8"),
    ],
)
def test_the_best_graph_for_the_provider_is_chosen_unless_a_precision_is_given(
    available: tuple[str, ...], provider: str, precision: str, expected: str
) -> None:
    assert choose_graph(graphs(*available), provider, precision).precision == expected


@pytest.mark.parametrize(("flags", "expected"), [("amx_bf16", "fp32"), ("avx512f", "int8")])
def test_openvino_runs_fp32_where_it_computes_in_bfloat16(
    cpu_with_flags: Callable[[str], None], flags: str, expected: str
) -> None:
    cpu_with_flags(flags)
    assert choose_graph(graphs(*ALL_PRECISIONS), "openvino").precision == expected


def test_a_missing_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="no int8 graph; choose one of auto, fp32, fp16"):
        choose_graph(graphs("fp32", "fp16"), "cpu", "int8")
    with pytest.raises(UsageError, match="no precision 'fp64'"):
        choose_graph(graphs("fp32"), "cpu", "fp64")


@pytest.mark.parametrize(
    ("offset", "share", "expected"),
    [
        (1, 1.0, ["the mean difference"]),
        (2, 0.05, []),
        (2, 0.2, ["% of bytes", "the mean"]),
        (255, 0.0, []),
    ],
)
def test_differences_beyond_a_tolerance_are_described(
    offset: int, share: float, expected: list[str]
) -> None:
    faces, masks = np.full((2, 10, 10, 3), 100, np.uint8), np.zeros((2, 10, 10), np.uint8)
    other = faces.copy()
    other.reshape(-1)[: round(share * 800)] = np.uint8(100 + offset) if offset < 100 else 0
    difference = compare_outputs(faces, masks, other, masks)
    assert difference.max == (offset if share else 0)
    assert difference.mean == pytest.approx(offset * min(share, 0.75))
    violations = list(difference.violations(WITHIN_ONE))
    assert len(violations) == len(expected)
    assert all(part in text for part, text in zip(expected, violations, strict=True))


def test_the_difference_of_no_faces_is_zero() -> None:
    empty = np.zeros((0, 4, 4, 3), np.uint8)
    assert compare_outputs(empty, empty[..., 0], empty, empty[..., 0]).max == 0


@pytest.mark.parametrize(
    ("provider", "flags", "expected"),
    [
        ("openvino", "avx512f amx_bf16", "bf16"),
        ("openvino", "avx512f", ""),
        ("cpu", "amx_bf16", ""),
    ],
)
def test_openvino_computes_in_bfloat16_on_cpus_with_amx(
    cpu_with_flags: Callable[[str], None], provider: str, flags: str, expected: str
) -> None:
    cpu_with_flags(flags)
    options = provider_options(provider)
    assert (
        json.loads(options["load_config"])["CPU"]["INFERENCE_PRECISION_HINT"] == expected
        if expected
        else not options
    )


@pytest.mark.parametrize(
    ("provider", "shared", "expected"),
    [("cuda", True, "HEURISTIC"), ("cuda", False, None), ("cpu", True, None)],
)
def test_processes_that_share_a_gpu_take_the_same_algorithms(
    provider: str, shared: bool, expected: str | None
) -> None:
    assert provider_options(provider, shared=shared).get("cudnn_conv_algo_search") == expected


class _OpenVino(ort.InferenceSession):
    """Runs on the CPU and reports OpenVINO, as the package onnxruntime-openvino does."""

    def __init__(self, content: bytes, options: ort.SessionOptions, providers: list, **_: object):
        assert providers[0][0] == PROVIDERS["openvino"]
        super().__init__(content, options, providers=[PROVIDERS["cpu"]])

    def get_providers(self) -> list[str]:
        return [PROVIDERS["openvino"]]


def test_openvino_is_used_if_installed_with_the_tolerance_of_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu_with_flags: Callable[[str], None]
) -> None:
    bundle = Bundle.read(make_bundle(tmp_path / "ben.bundle"))
    cpu_with_flags("amx_bf16")
    assert SwapNetwork.open(bundle, "cpu").tolerance.levels == 1
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: [PROVIDERS["openvino"], PROVIDERS["cpu"]]
    )
    monkeypatch.setattr(ort, "InferenceSession", _OpenVino)
    monkeypatch.setattr(providers, "has_plugin", lambda name: False)
    network = SwapNetwork.open(bundle, "openvino")
    assert (network.provider, network.precision) == ("openvino", "fp32")
    assert network.tolerance.levels == 4
