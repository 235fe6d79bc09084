"""Every network keeps the same contract: RGB in, code, features, RGB and mask out, in every precision."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from keras import ops
from pydantic import TypeAdapter
from tests.helpers.runs import NETWORK

from faceloom_train.config import presets_directory, read_config
from faceloom_train.config.schema import Network, OriginalNetwork
from faceloom_train.loop.trainer import dtype_policy
from faceloom_train.model.networks import Networks, build_networks, layers_of, multiply_adds

KINDS = {
    "original": {"kind": "original"},
    "df": NETWORK,
    "df, deeper and all shared but one": {
        **NETWORK,
        "size": 64,
        "decoder": [16, 12, 8],
        "residual_blocks": [1, 1, 2],
        "shared_stages": 2,
        "mean_face": False,
        "mean_face_max_shift": 0,
    },
    "df, half resolution": {**NETWORK, "size": 64, "stem_stride": 2, "output_stride": 2, "shared_stages": 0},
    "df, the template stays": {**NETWORK, "mean_face_max_shift": 0},
    "df, coarse": {**NETWORK, "output_scale": 2},
    "df, as coarse as its head": {**NETWORK, "output_scale": 4},
    "df, the mask by itself": {**NETWORK, "size": 64, "shared_stages": 0, "mask_decoder": [4]},
    "liae": {**NETWORK, "kind": "liae"},
    "liae, inters of no doubling, the mask by itself": {
        **NETWORK,
        "kind": "liae",
        "size": 64,
        "decoder": [16, 12, 8],
        "residual_blocks": [1, 0, 1],
        "inter_stages": 0,
        "mask_decoder": [6, 4],
    },
}


def network(name: str, **changes: object) -> Network:
    return TypeAdapter(Network).validate_python({**KINDS[name], **changes})


def drawn_by_all(networks: Networks, faces: np.ndarray) -> list[np.ndarray]:
    return [ops.convert_to_numpy(networks.decode(faces, n)) for n in range(len(networks.decoders))]


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


@pytest.mark.parametrize("kind", ["df", "liae"])
@pytest.mark.parametrize("size", [64, 96, 128, 192, 256, 384, 512])
def test_every_size_builds(kind: str, size: int) -> None:
    """Half-resolution bodies down to features of 6 to 8 pixels, as the presets have them."""
    levels = {64: 3, 96: 4, 128: 4, 192: 5, 256: 5, 384: 6, 512: 6}[size]
    widths = [4] * levels
    config = network(
        kind, size=size, stem_stride=2, output_stride=2, encoder=widths, decoder=widths,
        residual_blocks=[1] * levels
    )
    networks = build_networks(config, ["a", "b"])
    assert networks.decoders[1].output_shape == (None, size, size, 4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_half_and_answers_in_full(precision: str) -> None:
    faces = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    with dtype_policy(precision):
        networks = build_networks(network("df"), ["a", "b"])
    assert networks.encoder.layers[2].compute_dtype == precision.removeprefix("mixed_")
    assert ops.convert_to_numpy(networks.decode(faces, 0)).dtype == np.float32
    assert build_networks(network("df"), ["a"]).encoder.layers[2].compute_dtype == "float32"


def test_the_classic_network_has_its_82_million_weights_and_2_billion_operations() -> None:
    """Both as counted in faceswap's own."""
    networks = build_networks(OriginalNetwork(), ["a", "b"])
    weights = {
        id(v): np.prod(v.shape) for m in (networks.encoder, *networks.decoders) for v in m.variables
    }
    assert sum(weights.values()) / 1e6 == pytest.approx(82.1, abs=0.1)
    assert multiply_adds(networks) / 1e9 == pytest.approx(1.90, abs=0.01)


FACES = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)


@pytest.mark.parametrize("kind", ["df", "liae"])
def test_identities_share_all_but_their_decoder(kind: str) -> None:
    networks = build_networks(network(kind), ["a", "b"])
    before = drawn_by_all(networks, FACES)
    networks.decoders[1].get_layer("template").picture.assign_add(np.ones((32, 32, 4)))
    after = drawn_by_all(networks, FACES)
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1] + 1, atol=1e-5)


def test_the_landmark_head_begins_at_random() -> None:
    """At nothing it sends nothing back to the encoder at first, which costs movement for good."""
    kernel, bias = build_networks(network("df"), ["a"]).landmarks.get_weights()
    assert np.ptp(kernel) > 0.1
    assert not bias.any()


@pytest.mark.parametrize("kind", ["df", "liae"])
def test_a_template_moves_as_the_decoder_says(kind: str) -> None:
    """By so many pixels, to the left and up, and never further than its reach."""
    networks = build_networks(network(kind, mean_face_max_shift=0.25), ["a"])
    layers = {layer.name: layer for layer in layers_of(networks.decoders[0])}
    still = drawn_by_all(networks, FACES)[0]
    picture = np.random.default_rng(1).random((32, 32, 4), np.float32)
    layers["template"].picture.assign(picture)
    moved = layers["template_moved"]
    moved.kernel.assign(np.zeros(moved.kernel.shape))
    for said, pixels in [(np.arctanh([3 / 8, -1 / 8]), (3, -1)), ([100, 0], (8, 0))]:
        moved.bias.assign(said)
        added = drawn_by_all(networks, FACES)[0] - still
        at = np.arange(32)
        rows, columns = (np.clip(at + step, 0, 31) for step in reversed(pixels))
        np.testing.assert_allclose(added[0], picture[rows][:, columns], atol=0.002)


@pytest.mark.parametrize("reach", [0, 0.25])
def test_the_template_is_mirrored_with_the_faces(reach: float) -> None:
    """In training, and of those that are mirrored."""
    networks = build_networks(network("df", mean_face_max_shift=reach), ["a"])
    code = np.random.default_rng(0).random((2, *networks.encoder.output_shape[1:]), np.float32)
    picture = np.random.default_rng(1).random((32, 32, 4), np.float32)

    def drawn() -> np.ndarray:
        return ops.convert_to_numpy(networks.trained[0]([code, np.float32([0, 1])]))

    before = drawn()
    networks.decoders[0].get_layer("template").picture.assign(picture)
    moved = [layer for layer in layers_of(networks.decoders[0]) if layer.name == "template_moved"]
    if reach:
        moved[0].kernel.assign(np.zeros(moved[0].kernel.shape))
    added = drawn() - before
    np.testing.assert_allclose(added[0], picture, atol=0.002)
    np.testing.assert_allclose(added[1], picture[:, ::-1], atol=0.002)
    np.testing.assert_allclose(
        ops.convert_to_numpy(networks.decoders[0](code))[0], drawn()[0], atol=1e-5
    )


@pytest.mark.parametrize("coarse", [2, 4])
def test_a_coarse_head_draws_large_pixels_which_are_enlarged_linearly(coarse: int) -> None:
    still = {"mean_face": False, "mean_face_max_shift": 0}
    networks = build_networks(network("df", output_scale=coarse, **still), ["a"])
    decoder = networks.decoders[0]
    small = keras.Model(decoder.input, decoder.layers[-1].input)
    code = np.random.default_rng(0).random((1, *networks.encoder.output_shape[1:]), np.float32)
    knots, drawn = (ops.convert_to_numpy(model(code))[0] for model in (small, decoder))
    assert knots.shape == (32 // coarse, 32 // coarse, 4)
    assert np.ptp(knots) > 1e-4
    np.testing.assert_allclose(
        drawn, cv2.resize(knots, (32, 32), interpolation=cv2.INTER_LINEAR), atol=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "shared", "own"), [("df", "double_1", "head"), ("liae", "head", "own_features")]
)
def test_what_is_shared_moves_everybody_and_what_is_not_moves_one(
    kind: str, shared: str, own: str
) -> None:
    networks = build_networks(network(kind), ["a", "b"])
    layers = {layer.name: layer for layer in layers_of(networks.decoders[0])}
    start = drawn_by_all(networks, FACES)
    layers[own].bias.assign_add(np.ones(layers[own].bias.shape))
    once = drawn_by_all(networks, FACES)
    assert np.abs(once[0] - start[0]).max() > 1e-3
    np.testing.assert_array_equal(once[1], start[1])
    layers[shared].bias.assign_add(np.ones(layers[shared].bias.shape))
    twice = drawn_by_all(networks, FACES)
    assert all(np.abs(b - a).max() > 1e-3 for a, b in zip(once, twice, strict=True))


def test_a_mask_of_its_own_has_no_part_in_the_picture() -> None:
    networks = build_networks(network("df, the mask by itself", size=32), ["a"])
    layers = {layer.name: layer for layer in layers_of(networks.decoders[0])}
    before = drawn_by_all(networks, FACES)[0]
    layers["mask_double_1"].bias.assign_add(np.ones(layers["mask_double_1"].bias.shape))
    after = drawn_by_all(networks, FACES)[0]
    np.testing.assert_array_equal(after[..., :3], before[..., :3])
    assert np.abs(after[..., 3] - before[..., 3]).max() > 1e-3


@pytest.mark.parametrize("path", sorted(presets_directory().glob("*.yaml")), ids=lambda p: p.stem)
def test_the_table_in_the_documents_is_true(path: Path) -> None:
    config = read_config(path).network
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    presets = text.split("| preset | px | kind |")[1].split("\n\n")[0]
    (row,) = [line for line in presets.splitlines() if line.startswith(f"| `{path.stem}` |")]
    size, kind, millions, gmac = [cell.strip() for cell in row.split("|")[2:6]]
    with dtype_policy("float32"):
        networks = build_networks(config, ["a", "b"])
    weights = {
        id(v): np.prod(v.shape) for m in (networks.encoder, *networks.decoders) for v in m.variables
    }
    assert (int(size), kind) == (config.size, config.kind)
    assert f"{sum(weights.values()) / 1e6:.1f}" == millions
    assert f"{multiply_adds(networks) / 1e9:.2f}" == gmac
