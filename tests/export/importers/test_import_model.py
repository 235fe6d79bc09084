"""Other programs' models become bundles that match them; other files are refused."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import onnxruntime as ort
import pytest
from keras import layers, ops
from tests.helpers.dfms import SIDE, SWAPPED_MASK, write_dfm

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.progress import run_to_completion
from faceloom.swap import Bundle, SwapNetwork
from faceloom_export.bundle.import_model import ImportOptions, import_model
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_export.importers.faceswap_reader import read_faceswap

pytestmark = pytest.mark.training

FACES = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)


def scaled(rgb: np.ndarray) -> np.ndarray:
    """Return the output of `write_dfm`'s network for RGB."""
    return rgb * np.float32([0, 1, 0.5])


DFMS = {
    "without morph": ({}, {}, scaled(FACES)),
    "morph at its end": ({"morph": True}, {}, 255 - scaled(FACES)),
    "morph in between": (
        {"morph": True}, {"morph": 0.25}, scaled(FACES) + 0.25 * (255 - 2 * scaled(FACES))
    ),
    "an old opset, its domain by name": (
        {"opset": 11, "domain": "ai.onnx"}, {}, scaled(FACES)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DFMS)
def test_dfm_becomes_a_bundle(tmp_path: Path, name: str) -> None:
    arguments, options, expected = DFMS[name]
    write_dfm(tmp_path / "x.dfm", **arguments)
    summary = run_to_completion(
        import_model(tmp_path / "x.dfm", tmp_path / "b", ImportOptions("ben", **options))
    )
    bundle = Bundle.read(tmp_path / "b")
    assert (summary.size, bundle.manifest.golden.faces) == (SIDE, 6)
    # Values halfway between two levels may be rounded to either.
    assert summary.max_difference <= 1
    assert (bundle.manifest.crop.coverage, bundle.manifest.mask_background) == (1, False)
    assert bundle.manifest.imported.morph == (
        options.get("morph", 1.0) if arguments.get("morph") else None
    )
    assert bundle.manifest.training is None
    assert bundle.manifest.graphs[0].parity is None
    swapped = SwapNetwork.open(bundle, "cpu").swap(FACES)
    assert np.abs(swapped.faces - expected).max() <= 0.51
    # The smaller of both masks.
    assert np.abs(swapped.masks - 255 * SWAPPED_MASK).max() <= 0.51


def test_metadata_of_an_exported_dfm_is_imported(tmp_path: Path) -> None:
    import onnx

    from faceloom.provenance.metadata import to_metadata

    model = onnx.load(write_dfm(tmp_path / "x.dfm"))
    metadata = {
        "network": "df",
        "steps": "7",
        "config_sha256": "a" * 64,
        "consent": "yes",
        "license": None,
    }
    onnx.helper.set_model_props(model, to_metadata(metadata))
    (tmp_path / "x.dfm").write_bytes(model.SerializeToString())
    run_to_completion(import_model(tmp_path / "x.dfm", tmp_path / "b.zip", ImportOptions("ben")))
    manifest = Bundle.read(tmp_path / "b.zip").manifest
    assert (manifest.training.steps, str(manifest.consent), manifest.license) == (7, "yes", None)


INVALID_DFMS = {
    "another input": ({"more_inputs": ["surprise:0"]}, "its inputs are in_face:0, surprise:0"),
    "a third input": (
        {"morph": True, "more_inputs": ["surprise:0"]},
        "its inputs are in_face:0, morph_value:0, surprise:0",
    ),
    "a dynamic size": ({"shape": ("n", "h", "w", 3)}, "instead of a fixed"),
    "not square": ({"shape": ("n", SIDE, SIDE + 1, 3)}, "instead of a fixed"),
    "four channels": ({"shape": ("n", SIDE, SIDE, 4)}, "instead of a fixed"),
    "a fixed number of faces": ({"shape": (1, SIDE, SIDE, 3)}, "takes exactly 1 faces"),
    "two outputs": ({"output_count": 2}, "2 outputs instead of three"),
    "outputs of another size": ({"square": False}, r"output of \(47, 48, 3\)"),
    "a custom operator": ({"custom_domain": "com.example"}, r"custom operators \(com.example\)"),
    "weights elsewhere": (
        {"external_file": "../../secret.bin"},
        "reads its weights from another file",
    ),
    "a sparse constant elsewhere": (
        {"sparse_file": "../../secret.bin"},
        "reads its weights from another file",
    ),
    "a newer opset": ({"opset": 21}, "has opset 21 and 18 is the newest"),
}


@pytest.mark.parametrize("name", INVALID_DFMS)
def test_invalid_dfm_is_refused(tmp_path: Path, name: str) -> None:
    arguments, message = INVALID_DFMS[name]
    path = write_dfm(tmp_path / "x.dfm", **arguments)
    with pytest.raises(ArtifactRefused, match=message):
        run_to_completion(import_model(path, tmp_path / "b", ImportOptions("ben")))
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.dfm").write_bytes(b"not ONNX at all")
    (tmp_path / "x.keras").write_bytes(b"not a zip")
    refusals = {
        "x.dfm": (ArtifactRefused, "cannot be read as ONNX"),
        "x.keras": (ArtifactRefused, r"not a readable \.zip"),
        "y.dfm": (ArtifactRefused, "does not exist"),
        "x.h5": (UsageError, "cannot be imported"),
    }
    for name, (error, message) in refusals.items():
        with pytest.raises(error, match=message):
            run_to_completion(import_model(tmp_path / name, tmp_path / "b", ImportOptions("ben")))
    monkeypatch.setattr("faceloom_export.importers.dfm_reader._MAX_BYTES", 100)
    with pytest.raises(ArtifactRefused, match="a model has at most"):
        read_dfm(write_dfm(tmp_path / "x.dfm"), 1.0)


class PixelShuffler(layers.Layer):
    """faceswap's own layer; its class name in the file cannot be imported here."""

    def call(self, x):
        return ops.depth_to_space(x, 2)

    def compute_output_shape(self, shape):
        return shape[0], shape[1] * 2, shape[2] * 2, shape[3] // 4


def upscale(x, channels: int):
    """Return features at twice the size, as faceswap's upscale block does."""
    return PixelShuffler()(layers.LeakyReLU(0.1)(layers.Conv2D(4 * channels, 3, padding="same")(x)))


def original(
    widths=(8, 12, 16, 20), code: int = 24, up: int = 16, decoder=(12, 8, 4), **conv
) -> keras.Model:
    """Build the public architecture with fewer channels.

    The original has 128-256-512-1024, 1024, 512 and 256-128-64.
    """
    x = face = keras.Input((64, 64, 3), name="face_in")
    for channels in widths:
        settings = {"strides": 2, "padding": "same", **conv}
        x = layers.LeakyReLU(0.1)(layers.Conv2D(channels, 5, **settings)(x))
    x = layers.Dense(code)(layers.Flatten(name="flat")(x))
    x = layers.Reshape((4, 4, code))(layers.Dense(16 * code)(x))
    encoder = keras.Model(face, upscale(x, up), name="encoder")
    decoders = [_decoder(name, up, decoder) for name in ("decoder_a", "decoder_b")]
    inputs = [keras.Input((64, 64, 3), name=f"face_in_{side}") for side in "ab"]
    return keras.Model(
        inputs,
        [part(encoder(x)) for part, x in zip(decoders, inputs, strict=True)],
        name="original",
    )


def _decoder(name: str, up: int, widths) -> keras.Model:
    x = features = keras.Input((8, 8, up))
    for channels in widths:
        x = upscale(x, channels)
    return keras.Model(
        features, layers.Conv2D(3, 5, padding="same", activation="sigmoid")(x), name=name
    )


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """An untrained faceswap model with random weights and biases."""
    keras.utils.set_random_seed(1)
    model = original()
    for weight in model.weights:
        # Biases start at 0, which would hide that they are ignored.
        if len(weight.shape) == 1:
            weight.assign(np.random.default_rng(2).normal(0, 0.2, weight.shape))
    return model


@pytest.fixture
def model_path(model: keras.Model, tmp_path: Path) -> Path:
    """The model's .keras file."""
    model.save(tmp_path / "original.keras")
    return tmp_path / "original.keras"


@pytest.mark.parametrize("side", ["a", "b"])
def test_faceswap_model_has_the_output_of_keras(
    model: keras.Model, model_path: Path, side: str
) -> None:
    """Strided 5 x 5 kernels on 64 pixels need padding of 1 before and 2 after, not the reverse."""
    imported = read_faceswap(model_path, side, 1.0)
    session = ort.InferenceSession(
        imported.onnx_model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    bgr = np.random.default_rng(3).random((2, 64, 64, 3)).astype(np.float32)
    _, swapped, mask = session.run(None, {"in_face:0": bgr})
    expected = ops.convert_to_numpy(model([bgr, bgr])["ab".index(side)])
    assert expected.std() > 0.01
    np.testing.assert_allclose(swapped, expected, atol=2e-6)
    assert (mask == 1).all()


def test_faceswap_model_becomes_a_bundle(
    model: keras.Model, model_path: Path, tmp_path: Path
) -> None:
    options = ImportOptions("ben", coverage=0.9)
    summary = run_to_completion(import_model(model_path, tmp_path / "b", options))
    assert (summary.format, summary.size) == ("faceswap", 64)
    bundle = Bundle.read(tmp_path / "b")
    assert bundle.manifest.crop.coverage == 0.9
    faces = np.random.default_rng(3).integers(0, 256, (2, 64, 64, 3), np.uint8)
    swapped = SwapNetwork.open(bundle, "cpu").swap(faces)
    bgr = faces[..., ::-1].astype(np.float32) / 255
    expected = 255 * ops.convert_to_numpy(model([bgr, bgr])[1])[..., ::-1]
    assert np.abs(swapped.faces - expected).max() <= 0.51
    assert (swapped.masks == 255).all()


def test_a_faceswap_model_gets_faceswap_s_crop(model_path: Path, tmp_path: Path) -> None:
    """Eyes and mouth as high as faceswap's alignment puts them in its default square."""
    run_to_completion(import_model(model_path, tmp_path / "b", ImportOptions("ben")))
    crop = Bundle.read(tmp_path / "b").manifest.crop
    points = (crop.template_xy() + 0.5) / crop.size
    # Mean over five people of what faceswap's alignment gives, in sides of the square.
    assert points[:2, 1].mean() == pytest.approx(0.435, abs=0.015)
    assert points[3:, 1].mean() == pytest.approx(0.756, abs=0.015)
    assert np.ptp(points[:2, 0]) == pytest.approx(0.305, abs=0.015)


def rewrite_zip(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def replace_in_config(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        text = members["config.json"].decode()
        assert old in text
        members["config.json"] = text.replace(old, new).encode()

    return change


def move_weights_to_another_file(members: dict[str, bytes]) -> None:
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        vars_ = file["layers/functional/layers/conv2d/vars"]
        shape = vars_["0"].shape
        del vars_["0"]
        vars_.create_dataset(
            "0", shape, "f4", external=[("/etc/hostname", 0, 4 * int(np.prod(shape)))]
        )
    members["model.weights.h5"] = content.getvalue()


def replace_weights_by_a_link(members: dict[str, bytes]) -> None:
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        vars_ = file["layers/functional/layers/conv2d/vars"]
        del vars_["0"]
        vars_["0"] = h5py.ExternalLink("/tmp/other.h5", "/weights")
    members["model.weights.h5"] = content.getvalue()


def truncate(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({name: members[name][: len(members[name]) // 2]})


DAMAGE = {
    "code in the file": (
        replace_in_config('"class_name": "Flatten"', '"class_name": "Lambda"'),
        "Lambda, which is not supported",
    ),
    "another padding": (
        replace_in_config('"padding": "same"', '"padding": "valid"'),
        "has padding 'valid'",
    ),
    "another activation": (replace_in_config('"sigmoid"', '"gelu"'), "has the activation gelu"),
    "other parts": (replace_in_config("decoder_b", "decoder_c"), "has no part 'decoder_b'"),
    "not sequential": (
        replace_in_config('["flat", 0, 0]', '["face_in", 0, 0]'),
        "does not take the output of the layer before it",
    ),
    "no JSON": (truncate("config.json"), "its config.json is missing or damaged"),
    "half the weights": (
        truncate("model.weights.h5"),
        "its model.weights.h5 is missing or damaged",
    ),
    "no weights": (lambda members: members.pop("model.weights.h5"), "missing or damaged"),
    "weights in another file": (move_weights_to_another_file, "stores weights in another file"),
    "a link to another file": (replace_weights_by_a_link, "contains a link to other data"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_or_other_keras_file_is_refused(
    model_path: Path, tmp_path: Path, name: str
) -> None:
    change, message = DAMAGE[name]
    rewrite_zip(model_path, change)
    with pytest.raises(ArtifactRefused, match=message):
        run_to_completion(import_model(model_path, tmp_path / "b", ImportOptions("ben")))
    assert list(tmp_path.iterdir()) == [model_path]
