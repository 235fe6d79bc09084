"""Which graph of a bundle runs, and when a replay of its golden sample is as it should be."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from tests.helpers.bundles import make_bundle

from faceloom import cpu_features as processor
from faceloom.errors import UsageError
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.bundle.manifest import GraphRow, TensorRow, ToleranceRow
from faceloom.swap.bundle.output_difference import difference_of
from faceloom.swap.inference.graph_selection import choose_graph
from faceloom.swap.inference.providers import PROVIDERS, provider_options
from faceloom.swap.inference.swap_network import SwapNetwork

ALL = ("fp32", "fp16", "int8")
WITHIN_ONE = ToleranceRow(levels=1, share_within=0.9, mean_difference=0.1)


@pytest.fixture
def processor_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what makes the processor one of certain flags."""

    def pretend(flags: str) -> None:
        (tmp_path / "cpuinfo").write_text(f"flags : fpu {flags}\n")
        monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")

    return pretend


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
    ("held", "provider", "precision", "runs"),
    [
        (ALL, "cpu", "auto", "int8"),
        (ALL, "cuda", "auto", "fp16"),
        (ALL, "tensorrt", "auto", "fp16"),
        (ALL, "coreml", "auto", "fp32"),
        (("fp16", "fp32"), "cpu", "auto", "fp32"),
        (("int8", "fp32"), "cuda", "auto", "fp32"),
        (("int8",), "cuda", "auto", "int8"),
        (("fp16",), "cpu", "auto", "fp16"),
        (ALL, "cpu", "fp32", "fp32"),
        (ALL, "cuda", "int8", "int8"),
    ],
)
def test_the_provider_s_best_graph_runs_unless_another_is_asked_for(
    held: tuple[str, ...], provider: str, precision: str, runs: str
) -> None:
    assert choose_graph(graphs(*held), provider, precision).precision == runs


@pytest.mark.parametrize(("flags", "runs"), [("amx_bf16", "fp32"), ("avx512f", "int8")])
def test_what_is_computed_in_bfloat16_is_not_int8(
    processor_with: Callable[[str], None], flags: str, runs: str
) -> None:
    processor_with(flags)
    assert choose_graph(graphs(*ALL), "openvino").precision == runs


def test_a_precision_that_is_not_there_is_never_replaced() -> None:
    with pytest.raises(UsageError, match="no int8 graph; choose one of auto, fp32, fp16"):
        choose_graph(graphs("fp32", "fp16"), "cpu", "int8")
    with pytest.raises(UsageError, match="no precision 'fp64'"):
        choose_graph(graphs("fp32"), "cpu", "fp64")


@pytest.mark.parametrize(
    ("off", "share", "missed"),
    [
        (1, 1.0, ["the mean difference"]),
        (2, 0.05, []),
        (2, 0.2, ["% of bytes", "the mean"]),
        (255, 0.0, []),
    ],
)
def test_differences_are_held_against_a_tolerance(
    off: int, share: float, missed: list[str]
) -> None:
    faces, masks = np.full((2, 10, 10, 3), 100, np.uint8), np.zeros((2, 10, 10), np.uint8)
    other = faces.copy()
    other.reshape(-1)[: round(share * 800)] = np.uint8(100 + off) if off < 100 else 0
    difference = difference_of(faces, masks, other, masks)
    assert difference.greatest == (off if share else 0)
    assert difference.mean == pytest.approx(off * min(share, 0.75))
    problems = list(difference.beyond(WITHIN_ONE))
    assert len(problems) == len(missed)
    assert all(words in said for words, said in zip(missed, problems, strict=True))


def test_no_faces_are_no_difference() -> None:
    none = np.zeros((0, 4, 4, 3), np.uint8)
    assert difference_of(none, none[..., 0], none, none[..., 0]).greatest == 0


@pytest.mark.parametrize(
    ("provider", "flags", "told"),
    [
        ("openvino", "avx512f amx_bf16", "bf16"),
        ("openvino", "avx512f", ""),
        ("cpu", "amx_bf16", ""),
    ],
)
def test_openvino_computes_in_bfloat16_where_the_processor_does(
    processor_with: Callable[[str], None], provider: str, flags: str, told: str
) -> None:
    processor_with(flags)
    options = provider_options(provider)
    assert (
        json.loads(options["load_config"])["CPU"]["INFERENCE_PRECISION_HINT"] == told
        if told
        else not options
    )


class _OpenVino(ort.InferenceSession):
    """Runs on the CPU and says that it is OpenVINO's, which cannot be installed beside this onnxruntime."""

    def __init__(self, content: bytes, options: ort.SessionOptions, providers: list, **_: object):
        assert providers[0][0] == PROVIDERS["openvino"]
        super().__init__(content, options, providers=[PROVIDERS["cpu"]])

    def get_providers(self) -> list[str]:
        return [PROVIDERS["openvino"]]


def test_openvino_runs_where_it_is_installed_and_is_held_to_what_bfloat16_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processor_with: Callable[[str], None]
) -> None:
    bundle = Bundle.read(make_bundle(tmp_path / "ben.bundle"))
    processor_with("amx_bf16")
    assert SwapNetwork.open(bundle, "cpu").tolerance.levels == 1
    monkeypatch.setattr(
        ort, "get_available_providers", lambda: [PROVIDERS["openvino"], PROVIDERS["cpu"]]
    )
    monkeypatch.setattr(ort, "InferenceSession", _OpenVino)
    network = SwapNetwork.open(bundle)
    assert (network.provider, network.precision) == ("openvino", "fp32")
    assert network.tolerance.levels == 4
