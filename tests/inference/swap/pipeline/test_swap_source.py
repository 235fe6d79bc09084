"""The source of a conversion: one provider for all networks, and what identifies it."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.corrections import left_half, move, paint, shift_all
from tests.helpers.facesets import GEOMETRY, good_faces, write_faceset

from faceloom.faceset import FaceSet
from faceloom.swap import Bundle, ConvertOptions, SwapNetwork
from faceloom.swap.pipeline.swap_source import _open, _still_id


@pytest.mark.parametrize(
    ("options", "shared"),
    [
        (ConvertOptions(provider="auto"), False),
        (ConvertOptions(provider="cuda"), False),
        (ConvertOptions(provider="cuda", workers=1), False),
        (ConvertOptions(provider="cuda", workers=4), True),
        (ConvertOptions(provider="cuda", engine="ray"), True),
    ],
)
def test_other_bundles_and_other_processes_take_the_provider_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: ConvertOptions, shared: bool
) -> None:
    bundles = [Bundle.read(make_bundle(tmp_path / name)) for name in ("ben.bundle", "ada.bundle")]
    calls: list[tuple[str, str, bool]] = []

    original = SwapNetwork.open

    def open_network(
        bundle: Bundle, provider: str, precision: str, threads: int, *, shared: bool
    ) -> SwapNetwork:
        calls.append((bundle.path.name, provider, shared))
        network = original(bundle, "cpu", precision, threads)
        network.provider = "openvino" if provider == "auto" else provider
        return network

    monkeypatch.setattr(SwapNetwork, "open", open_network)
    networks, load = _open(bundles, options)
    chosen = networks[0].provider
    assert calls == [("ben.bundle", options.provider, False), ("ada.bundle", chosen, False)]
    calls.clear()
    pickle.loads(pickle.dumps(load))()
    assert calls == [("ben.bundle", chosen, shared), ("ada.bundle", chosen, shared)]


def test_every_correction_of_a_still_is_another_source(tmp_path: Path) -> None:
    directory = tmp_path / "ada"
    image = write_faceset(directory, good_faces(2)).rows[0].image
    eyebrow = np.zeros((468, 2), np.float32)
    eyebrow[105] = 0.02, 0
    corrections: list[Callable[[], None]] = [
        lambda: None,
        lambda: move(directory, image, eyebrow),
        lambda: move(directory, image, shift_all(0.05, 0)),
        lambda: paint(directory, image, left_half(GEOMETRY.size)),
        lambda: paint(directory, image, 255 - left_half(GEOMETRY.size)),
    ]
    found = set()
    for correct in corrections:
        correct()
        faces = FaceSet.read(directory)
        ids = {_still_id(faces, faces.rows[0], "crop") for _ in range(2)}
        assert len(ids) == 1
        found |= ids
    assert len(found) == len(corrections)
