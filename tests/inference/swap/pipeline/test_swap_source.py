"""All networks of a conversion run on one provider."""

import pickle
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle

from faceloom.swap import Bundle, ConvertOptions, SwapNetwork
from faceloom.swap.pipeline.swap_source import _open


@pytest.mark.parametrize(("given", "asked"), [("auto", "auto"), ("cuda", "cuda")])
def test_other_bundles_and_other_processes_take_the_provider_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, asked: str
) -> None:
    bundles = [Bundle.read(make_bundle(tmp_path / name)) for name in ("ben.bundle", "ada.bundle")]
    calls: list[tuple[str, str]] = []

    original = SwapNetwork.open

    def open_network(bundle: Bundle, provider: str, precision: str, threads: int) -> SwapNetwork:
        calls.append((bundle.path.name, provider))
        network = original(bundle, "cpu", precision, threads)
        network.provider = "openvino" if provider == "auto" else provider
        return network

    monkeypatch.setattr(SwapNetwork, "open", open_network)
    networks, load = _open(bundles, ConvertOptions(provider=given))
    chosen = networks[0].provider
    assert calls == [("ben.bundle", asked), ("ada.bundle", chosen)]
    calls.clear()
    pickle.loads(pickle.dumps(load))()
    assert calls == [("ben.bundle", chosen), ("ada.bundle", chosen)]
