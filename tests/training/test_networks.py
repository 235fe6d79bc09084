"""Every network keeps the same contract: RGB in, code, features, RGB and mask out, in every precision."""

import numpy as np
import pytest
from keras import ops
from pydantic import TypeAdapter
from runs import NETWORK

from faceloom_train.config import DfNetwork, OriginalNetwork
from faceloom_train.networks import build_networks
from faceloom_train.trainer import dtype_policy

KINDS = {
    "original": {"kind": "original"},
    "df": NETWORK,
    "df, deeper and all shared but one": {
        **NETWORK,
        "size": 64,
        "decoder": [16, 12, 8],
        "residuals": [1, 1, 2],
        "shared": 2,
        "template": False,
    },
    "df, half resolution": {**NETWORK, "size": 64, "stem": 2, "head": 2, "shared": 0},
}


def network(name: str) -> OriginalNetwork | DfNetwork:
    return TypeAdapter(OriginalNetwork | DfNetwork).validate_python(KINDS[name])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("identities", [2, 3])
def test_shapes(name: str, identities: int) -> None:
    config = network(name)
    networks = build_networks(config, [str(n) for n in range(identities)])
    assert len(networks.decoders) == identities
    faces = np.random.default_rng(0).random((2, config.size, config.size, 3), np.float32)
    for decoder in range(identities):
        drawn = ops.convert_to_numpy(networks.decode(faces, decoder))
        assert drawn.shape == (2, config.size, config.size, 4)
        assert drawn.dtype == np.float32
        assert np.isfinite(drawn).all()


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_half_and_answers_in_full(precision: str) -> None:
    faces = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    with dtype_policy(precision):
        networks = build_networks(network("df"), ["a", "b"])
    assert networks.encoder.layers[2].compute_dtype == precision.removeprefix("mixed_")
    assert ops.convert_to_numpy(networks.decode(faces, 0)).dtype == np.float32
    assert build_networks(network("df"), ["a"]).encoder.layers[2].compute_dtype == "float32"


def test_the_classic_network_has_its_82_million_weights() -> None:
    networks = build_networks(OriginalNetwork(), ["a", "b"])
    models = (networks.encoder, networks.inter, *networks.decoders)
    assert sum(model.count_params() for model in models) / 1e6 == pytest.approx(82.1, abs=0.1)


def test_identities_share_all_but_their_decoder() -> None:
    networks = build_networks(network("df"), ["a", "b"])
    faces = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    before = [ops.convert_to_numpy(networks.decode(faces, n)) for n in (0, 1)]
    networks.decoders[1].get_layer("template").picture.assign_add(np.ones((32, 32, 4)))
    after = [ops.convert_to_numpy(networks.decode(faces, n)) for n in (0, 1)]
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1] + 1, atol=1e-5)
