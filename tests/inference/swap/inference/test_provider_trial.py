"""`--provider auto` keeps the fastest provider whose outputs are right."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle

from faceloom.array_types import RgbBatch
from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.bundle import GoldenSample
from faceloom.swap.bundle.manifest import ToleranceRow
from faceloom.swap.bundle.output_difference import OutputDifference, compare_outputs
from faceloom.swap.inference import providers
from faceloom.swap.inference.provider_trial import choose_fastest
from faceloom.swap.inference.providers import open_on_provider

FACES = np.zeros((8, 4, 4, 3), np.uint8)
GOLDEN = GoldenSample(faces=FACES, swapped=FACES, masks=FACES[..., 0])


@dataclass
class Clock:
    """A clock that only the networks advance."""

    now: float = 0.0
    """Seconds."""

    def __call__(self) -> float:
        return self.now


@dataclass
class Network:
    """A network whose run takes a given time."""

    clock: Clock
    """The clock that a run advances."""
    provider: str
    """The provider's name."""
    seconds: float
    """Duration of a run."""
    first: float = 0.0
    """What the first run takes more."""
    offset: int = 0
    """How far its outputs are off, in levels."""
    fails: bool = False
    """Whether a run fails."""
    runs: list[int] = field(default_factory=list)
    """The crops of each run."""

    tolerance = ToleranceRow(levels=1, min_share_within=0.999, max_mean_difference=1.0)

    def swap(self, crops: RgbBatch) -> None:
        if self.fails:
            raise RuntimeError("out of memory\nsecond line")
        self.clock.now += self.seconds + (0 if self.runs else self.first)
        self.runs.append(len(crops))

    def replay(self, golden: GoldenSample) -> OutputDifference:
        faces = golden.swapped + np.uint8(self.offset)
        return compare_outputs(faces, golden.masks, golden.swapped, golden.masks)


@pytest.mark.parametrize(
    ("networks", "expected", "warnings"),
    [
        ([("cuda", 0.01), ("openvino", 0.05), ("cpu", 0.2)], "cuda", []),
        ([("cuda", 0.06), ("openvino", 0.05), ("cpu", 0.2)], "openvino", []),
        ([("openvino", 0.05), ("cpu", 0.2)], "openvino", []),
        # A gain of a tenth is no reason for other numbers.
        ([("openvino", 0.18), ("cpu", 0.2)], "cpu", []),
        ([("openvino", 0.30), ("cpu", 0.2)], "cpu", []),
        ([("cuda", 0.01, {"first": 5.0}), ("cpu", 0.2)], "cuda", []),
        (
            [("cuda", 0.01, {"offset": 9}), ("openvino", 0.05), ("cpu", 0.2)],
            "openvino",
            ["The cuda provider differs from the trained model"],
        ),
        ([("cuda", 0.01, {"offset": 1}), ("cpu", 0.2)], "cuda", []),
        (
            [("openvino", 0.05, {"fails": True}), ("cpu", 0.2)],
            "cpu",
            ["does not run the network (out of memory)"],
        ),
        ([("openvino", 0.05), ("cpu", 0.2, {"fails": True})], "openvino", ["The cpu provider"]),
        # Without a CPU session, which needs no proof, any provider that runs is better than none.
        ([("cuda", 0.05), ("openvino", 0.01)], "openvino", []),
    ],
)
def test_the_fastest_provider_that_is_right_is_kept(
    caplog: pytest.LogCaptureFixture,
    networks: Sequence[tuple],
    expected: str,
    warnings: list[str],
) -> None:
    clock = Clock()
    made = [
        Network(clock, name, seconds, **(more[0] if more else {}))
        for name, seconds, *more in networks
    ]
    with caplog.at_level(logging.WARNING):
        assert choose_fastest(made, GOLDEN, clock).provider == expected
    assert len(caplog.records) == len(warnings)
    assert all(words in caplog.text for words in warnings)


@pytest.mark.parametrize(
    ("seconds", "runs", "longest"),
    # Fast ones stop at a number of runs, slow ones at the time, and each runs twice at least.
    [((0.001, 0.001), (11, 11), 0.03), ((0.1, 0.2), (5, 3), 1.2), ((1.0, 3.0), (2, 2), 8.1)],
)
def test_a_trial_takes_about_a_second(
    seconds: tuple[float, float], runs: tuple[int, int], longest: float
) -> None:
    clock = Clock()
    networks = [
        Network(clock, name, each) for name, each in zip(("cuda", "cpu"), seconds, strict=True)
    ]
    choose_fastest(networks, GOLDEN, clock)
    assert clock.now <= longest
    assert tuple(len(network.runs) for network in networks) == runs
    assert {crops for network in networks for crops in network.runs} == {2}


@pytest.mark.parametrize(
    ("provider", "available", "broken", "opened", "chosen"),
    [
        ("auto", ["cpu"], [], ["cpu"], None),
        ("auto", ["cuda", "cpu"], [], ["cuda", "cpu"], ["cuda", "cpu"]),
        ("auto", ["cuda", "cpu"], ["cuda"], ["cuda", "cpu"], None),
        ("auto", ["tensorrt", "coreml", "webgpu", "tensorrt-rtx", "cpu"], [], ["cpu"], None),
        ("cuda", ["cuda", "cpu"], [], ["cuda"], None),
    ],
)
def test_a_trial_is_held_only_between_several_providers_that_start(
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    available: list[str],
    broken: list[str],
    opened: list[str],
    chosen: list[str] | None,
) -> None:
    tried: list[str] = []
    compared: list[list[str]] = []
    monkeypatch.setattr(providers, "is_available", available.__contains__)

    def open_on(name: str) -> str:
        tried.append(name)
        if name in broken:
            raise ProviderMissing(f"{name} does not start.")
        return name

    def choose(names: Sequence[str]) -> str:
        compared.append(list(names))
        return names[0]

    open_on_provider(provider, open_on, choose)
    assert tried == opened
    assert compared == ([chosen] if chosen else [])


@pytest.mark.parametrize(
    ("available", "error", "words"),
    [(["cpu"], ArtifactRefused("damaged"), "damaged"), ([], ProviderMissing(""), "reinstall")],
)
def test_auto_fails_with_the_reason_of_the_last_provider(
    monkeypatch: pytest.MonkeyPatch, available: list[str], error: Exception, words: str
) -> None:
    def open_on(name: str) -> str:
        raise error

    monkeypatch.setattr(providers, "is_available", available.__contains__)
    with pytest.raises(type(error), match=words):
        open_on_provider("auto", open_on, lambda names: names[0])


def test_the_cpu_alone_reads_no_golden_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.read(make_bundle(tmp_path / "ben.bundle"))
    monkeypatch.setattr(providers, "is_available", ["cpu"].__contains__)

    def refuse(_: Bundle) -> GoldenSample:
        raise AssertionError("the golden sample was read")

    monkeypatch.setattr(Bundle, "read_golden_sample", refuse)
    assert SwapNetwork.open(bundle).provider == "cpu"
