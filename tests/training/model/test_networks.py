"""Every network maps RGB to a latent and a latent to RGB and mask, in every precision."""

import math
from collections.abc import Mapping
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from keras import ops
from pydantic import TypeAdapter
from tests.helpers.runs import LIAE_NETWORK, NETWORK

from faceloom_train.config import presets_directory, read_config
from faceloom_train.config.schema import Network, OriginalNetwork
from faceloom_train.model.model_builder import dtype_policy
from faceloom_train.model.networks import Networks, build_networks, iterate_layers

pytestmark = pytest.mark.training

NETWORKS = {
    "original": {"kind": "original"},
    "df": NETWORK,
    "df with all but one stage shared": {
        **NETWORK,
        "size": 64,
        "decoder": [16, 12, 8],
        "residual_blocks": [1, 1, 2],
        "shared_stages": 2,
        "mean_face": False,
        "mean_face_max_shift": 0,
        "mean_face_light": False,
    },
    "df at half resolution": {
        **NETWORK,
        "size": 64,
        "stem_stride": 2,
        "output_stride": 2,
        "shared_stages": 0,
    },
    "df without shift": {**NETWORK, "mean_face_max_shift": 0, "mean_face_light": False},
    "df without light": {**NETWORK, "mean_face_light": False},
    "df enlarged 2 times": {**NETWORK, "output_scale": 2},
    "df enlarged 4 times": {**NETWORK, "output_scale": 4},
    "df for a larger mean face": {
        **NETWORK,
        "size": 64,
        "input_scale": 2,
        "output_stride": 8,
        "output_scale": 4,
    },
    "df with a mask decoder": {**NETWORK, "size": 64, "shared_stages": 0, "mask_decoder": [4]},
    "liae": LIAE_NETWORK,
    "liae without inter stages, with a mask decoder": {
        **LIAE_NETWORK,
        "size": 64,
        "decoder": [16, 12, 8],
        "residual_blocks": [1, 0, 1],
        "inter_stages": 0,
        "mask_decoder": [6, 4],
    },
}
FACES = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)


def network(name: str, **changes: object) -> Network:
    return TypeAdapter(Network).validate_python({**NETWORKS[name], **changes})


def predict_all(networks: Networks, faces: np.ndarray) -> list[np.ndarray]:
    """The prediction of each identity's decoder."""
    return [
        ops.convert_to_numpy(networks.predict(faces, index))
        for index in range(len(networks.decoders))
    ]


def layers_by_name(decoder: keras.Model) -> Mapping[str, keras.layers.Layer]:
    return {layer.name: layer for layer in iterate_layers(decoder)}


def random_latents(networks: Networks, count: int) -> np.ndarray:
    shape = (count, *networks.encoder.output_shape[1:])
    return np.random.default_rng(0).random(shape, np.float32)


def count_weights(networks: Networks) -> float:
    """The weights of encoder and decoders, in millions; shared layers count once."""
    weights = {
        id(v): np.prod(v.shape) for m in (networks.encoder, *networks.decoders) for v in m.variables
    }
    return sum(weights.values()) / 1e6


def multiply_adds(networks: Networks) -> float:
    """Multiplications of convolutions and dense layers for one face, in billions."""
    layers = (*iterate_layers(networks.encoder), *iterate_layers(networks.decoders[0]))
    return sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in layers
        if hasattr(layer, "kernel")
    ) / 1e9  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("identities", [pytest.param(2, marks=pytest.mark.exhaustive), 3])
def test_predictions_have_the_documented_shape(name: str, identities: int) -> None:
    config = network(name)
    networks = build_networks(config, [str(n) for n in range(identities)])
    assert len(networks.decoders) == identities
    faces = np.random.default_rng(0).random((2, config.size, config.size, 3), np.float32)
    for prediction in predict_all(networks, faces):
        assert prediction.shape == (2, config.size, config.size, 4)
        assert prediction.dtype == np.float32
        assert np.isfinite(prediction).all()


@pytest.mark.parametrize("kind", ["df", "liae"])
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(size, marks=[] if size in (64, 128, 512) else [pytest.mark.exhaustive])
        for size in (64, 96, 128, 192, 256, 384, 512)
    ],
)
def test_networks_of_every_size_build(kind: str, size: int) -> None:
    """At half resolution, down to features of 6 to 8 pixels, as in the presets."""
    levels = {64: 3, 96: 4, 128: 4, 192: 5, 256: 5, 384: 6, 512: 6}[size]
    channels = [4] * levels
    config = network(
        kind,
        size=size,
        stem_stride=2,
        output_stride=2,
        encoder=channels,
        decoder=channels,
        residual_blocks=[1] * levels,
    )
    networks = build_networks(config, ["a", "b"])
    assert networks.decoders[1].output_shape == (None, size, size, 4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_half_and_returns_float32(precision: str) -> None:
    with dtype_policy(precision):
        networks = build_networks(network("df"), ["a", "b"])
    assert networks.encoder.layers[2].compute_dtype == precision.removeprefix("mixed_")
    assert ops.convert_to_numpy(networks.predict(FACES, 0)).dtype == np.float32
    assert build_networks(network("df"), ["a"]).encoder.layers[2].compute_dtype == "float32"


def test_the_latent_is_normalized() -> None:
    networks = build_networks(network("df"), ["a"])
    latent = ops.convert_to_numpy(networks.encoder(FACES))
    assert np.sqrt(np.mean(latent**2)) == pytest.approx(1, abs=1e-3)


def test_input_scale_reduces_what_the_encoder_sees() -> None:
    """A base for 32 pixels fits a network that shows its mean face with 64."""
    small = build_networks(network("df"), ["a"]).encoder
    large = build_networks(network("df for a larger mean face"), ["a"]).encoder
    large.set_weights(small.get_weights())
    faces = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    reduced = faces.reshape(2, 32, 2, 32, 2, 3).mean((2, 4))
    np.testing.assert_allclose(large(faces), small(reduced), atol=1e-4)


def test_the_original_network_has_82_million_weights_and_2_billion_operations() -> None:
    """The same numbers as those of faceswap's own network."""
    networks = build_networks(OriginalNetwork(), ["a", "b"])
    assert count_weights(networks) == pytest.approx(82.1, abs=0.1)
    assert multiply_adds(networks) == pytest.approx(1.90, abs=0.01)


@pytest.mark.parametrize("kind", ["df", "liae"])
def test_each_identity_has_its_own_mean_face(kind: str) -> None:
    networks = build_networks(network(kind, mean_face_light=False), ["a", "b"])
    before = predict_all(networks, FACES)
    networks.decoders[1].get_layer("mean_face").image.assign_add(np.ones((32, 32, 4)))
    after = predict_all(networks, FACES)
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1] + 1, atol=1e-5)


def test_the_landmark_head_starts_at_random() -> None:
    """From zeros, no gradient would reach the encoder at first, which costs movement for good."""
    kernel, bias = build_networks(network("df"), ["a"]).landmark_head.get_weights()
    assert np.ptp(kernel) > 0.1
    assert not bias.any()


@pytest.mark.parametrize(
    ("kind", "layer"),
    [("df", "mean_face_shift"), ("df", "mean_face_shift_linear"), ("liae", "mean_face_shift")],
)
@pytest.mark.parametrize("scale", [1, 2])
def test_the_decoder_shifts_the_mean_face(kind: str, layer: str, scale: int) -> None:
    """Displacements are in fractions of the side and limited by mean_face_max_shift."""
    config = network(
        kind, mean_face_max_shift=0.25, mean_face_light=False, mean_face_shift_scale=scale
    )
    networks = build_networks(config, ["a"])
    shift = networks.training_decoders[0]([random_latents(networks, 1), np.float32([0])])["shift"]
    # The largest features have a quarter of the crop's 32 pixels.
    assert shift.shape == (1, 8 * scale, 8 * scale, 2)
    layers = layers_by_name(networks.decoders[0])
    without_mean_face = predict_all(networks, FACES)[0]
    image = np.random.default_rng(1).random((32, 32, 4), np.float32)
    layers["mean_face"].image.assign(image)
    shift = layers["mean_face_shift"]
    shift.kernel.assign(np.zeros(shift.kernel.shape))
    for bias, pixels in [(np.arctanh([3 / 8, -1 / 8]), (3, -1)), ([100, 0], (8, 0))]:
        changed = layers[layer].bias
        changed.assign(np.tile(bias, changed.shape[0] // 2))
        added = predict_all(networks, FACES)[0] - without_mean_face
        positions = np.arange(32)
        rows, columns = (np.clip(positions + step, 0, 31) for step in reversed(pixels))
        np.testing.assert_allclose(added[0], image[rows][:, columns], atol=0.002)


@pytest.mark.parametrize("kind", ["df", "liae"])
def test_light_multiplies_the_colors_of_the_mean_face(kind: str) -> None:
    networks = build_networks(network(kind), ["a"])
    layers = layers_by_name(networks.decoders[0])
    for name in ("mean_face_shift", "mean_face_light"):
        layers[name].kernel.assign(np.zeros(layers[name].kernel.shape))
    without_mean_face = predict_all(networks, FACES)[0]
    image = np.random.default_rng(1).random((32, 32, 4), np.float32)
    layers["mean_face"].image.assign(image)
    for bias, gains in [((0, 0, 0), (1, 1, 1)), ((np.arctanh(0.5), -100, 100), (1.5, 0, 2))]:
        layers["mean_face_light"].bias.assign(bias)
        added = predict_all(networks, FACES)[0] - without_mean_face
        np.testing.assert_allclose(added[0], image * (*gains, 1), atol=0.002)


@pytest.mark.parametrize("max_shift", [0, 0.25])
def test_the_mean_face_is_mirrored_with_mirrored_faces(max_shift: float) -> None:
    config = network("df", mean_face_max_shift=max_shift, mean_face_light=False)
    networks = build_networks(config, ["a"])
    latents = random_latents(networks, 2)
    image = np.random.default_rng(1).random((32, 32, 4), np.float32)

    def predict() -> np.ndarray:
        outputs = networks.training_decoders[0]([latents, np.float32([0, 1])])
        return ops.convert_to_numpy(outputs["prediction"])

    before = predict()
    layers = layers_by_name(networks.decoders[0])
    layers["mean_face"].image.assign(image)
    if max_shift:
        shift = layers["mean_face_shift"]
        shift.kernel.assign(np.zeros(shift.kernel.shape))
    added = predict() - before
    np.testing.assert_allclose(added[0], image, atol=0.002)
    np.testing.assert_allclose(added[1], image[:, ::-1], atol=0.002)
    np.testing.assert_allclose(
        ops.convert_to_numpy(networks.decoders[0](latents))[0], predict()[0], atol=1e-5
    )


@pytest.mark.parametrize("scale", [2, 4])
def test_output_scale_enlarges_the_prediction_bilinearly(scale: int) -> None:
    config = network(
        "df", output_scale=scale, mean_face=False, mean_face_max_shift=0, mean_face_light=False
    )
    networks = build_networks(config, ["a"])
    decoder = networks.decoders[0]
    before_scaling = keras.Model(decoder.input, decoder.layers[-1].input)
    latents = random_latents(networks, 1)
    small, prediction = (
        ops.convert_to_numpy(model(latents))[0] for model in (before_scaling, decoder)
    )
    assert small.shape == (32 // scale, 32 // scale, 4)
    assert np.ptp(small) > 1e-4
    np.testing.assert_allclose(
        prediction, cv2.resize(small, (32, 32), interpolation=cv2.INTER_LINEAR), atol=1e-5
    )


@pytest.mark.parametrize(
    ("kind", "shared", "own"), [("df", "double_1", "head"), ("liae", "head", "identity_features")]
)
def test_shared_layers_change_all_identities_and_own_layers_change_one(
    kind: str, shared: str, own: str
) -> None:
    networks = build_networks(network(kind), ["a", "b"])
    layers = layers_by_name(networks.decoders[0])
    start = predict_all(networks, FACES)
    layers[own].bias.assign_add(np.ones(layers[own].bias.shape))
    own_changed = predict_all(networks, FACES)
    assert np.abs(own_changed[0] - start[0]).max() > 1e-3
    np.testing.assert_array_equal(own_changed[1], start[1])
    layers[shared].bias.assign_add(np.ones(layers[shared].bias.shape))
    shared_changed = predict_all(networks, FACES)
    for before, after in zip(own_changed, shared_changed, strict=True):
        assert np.abs(after - before).max() > 1e-3


def test_the_mask_decoder_changes_only_the_mask() -> None:
    networks = build_networks(network("df with a mask decoder", size=32), ["a"])
    layers = layers_by_name(networks.decoders[0])
    before = predict_all(networks, FACES)[0]
    layers["mask_double_1"].bias.assign_add(np.ones(layers["mask_double_1"].bias.shape))
    after = predict_all(networks, FACES)[0]
    np.testing.assert_array_equal(after[..., :3], before[..., :3])
    assert np.abs(after[..., 3] - before[..., 3]).max() > 1e-3


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=[] if path.stem in ("smoke", "laptop_128") else pytest.mark.exhaustive,
        )
        for path in sorted(presets_directory().glob("*.yaml"))
    ],
)
def test_the_documented_size_of_each_preset_is_correct(path: Path) -> None:
    config = read_config(path).network
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    table = text.split("| preset | px | kind |")[1].split("\n\n")[0]
    (row,) = [line for line in table.splitlines() if line.startswith(f"| `{path.stem}` |")]
    size, kind, weights, operations = [cell.strip() for cell in row.split("|")[2:6]]
    with dtype_policy("float32"):
        networks = build_networks(config, ["a", "b"])
    assert (int(size), kind) == (config.size, config.kind)
    assert f"{count_weights(networks):.1f}" == weights
    assert f"{multiply_adds(networks):.2f}" == operations
