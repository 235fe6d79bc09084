"""Models of other programs become bundles that equal them; what is no such model is refused and nothing is written."""

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
from tests.helpers.dfms import DRAWN_MASK, SIDE, make_dfm

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.progress import run_to_completion
from faceloom.swap import Bundle, SwapNetwork
from faceloom_export.bundle.import_model import ImportOptions, import_model
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_export.importers.faceswap_reader import read_faceswap

FACES = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)


def halved(rgb: np.ndarray) -> np.ndarray:
    """What `make_dfm`'s network makes of RGB."""
    return rgb * np.float32([0, 1, 0.5])


DFMS = {
    "without a slider": ({}, {}, halved(FACES)),
    "a slider at its end": ({"morph": True}, {}, 255 - halved(FACES)),
    "a slider in between": (
        {"morph": True}, {"morph": 0.25}, halved(FACES) + 0.25 * (255 - 2 * halved(FACES))
    ),
    "an old opset": ({"opset": 11}, {}, halved(FACES)),
}  # fmt: skip


@pytest.mark.parametrize("name", DFMS)
def test_any_dfm_becomes_a_bundle(tmp_path: Path, name: str) -> None:
    made, options, expected = DFMS[name]
    make_dfm(tmp_path / "x.dfm", **made)
    summary = run_to_completion(
        import_model(tmp_path / "x.dfm", tmp_path / "b", ImportOptions("ben", **options))
    )
    bundle = Bundle.read(tmp_path / "b")
    assert (summary.size, bundle.manifest.golden.faces) == (SIDE, 6)
    # Halves are rounded either way.
    assert summary.max_difference <= 1
    assert (bundle.manifest.crop.coverage, bundle.manifest.hide_background) == (1, False)
    assert bundle.manifest.imported.morph == (
        options.get("morph", 1.0) if made.get("morph") else None
    )
    assert bundle.manifest.training is None
    assert bundle.manifest.graphs[0].proof is None
    swapped = SwapNetwork.open(bundle, "cpu").swap(FACES)
    assert np.abs(swapped.faces - expected).max() <= 0.51
    # The lesser of both masks.
    assert np.abs(swapped.masks - 255 * DRAWN_MASK).max() <= 0.51


def test_what_faceloom_wrote_into_a_dfm_is_read_back(tmp_path: Path) -> None:
    import onnx

    from faceloom.provenance.metadata import to_metadata

    model = onnx.load(make_dfm(tmp_path / "x.dfm"))
    said = {
        "network": "df",
        "steps": "7",
        "settings_sha256": "a" * 64,
        "consent": "yes",
        "license": None,
    }
    onnx.helper.set_model_props(model, to_metadata(said))
    (tmp_path / "x.dfm").write_bytes(model.SerializeToString())
    run_to_completion(import_model(tmp_path / "x.dfm", tmp_path / "b.zip", ImportOptions("ben")))
    manifest = Bundle.read(tmp_path / "b.zip").manifest
    assert (manifest.training.steps, str(manifest.consent), manifest.license) == (7, "yes", None)


NO_DFMS = {
    "another input": ({"inputs": ["surprise:0"]}, "it takes in_face:0, surprise:0"),
    "a third input": (
        {"morph": True, "inputs": ["surprise:0"]},
        "it takes in_face:0, morph_value:0, surprise:0",
    ),
    "an open size": ({"shape": ("n", "h", "w", 3)}, "not a fixed"),
    "not square": ({"shape": ("n", SIDE, SIDE + 1, 3)}, "not a fixed"),
    "four channels": ({"shape": ("n", SIDE, SIDE, 4)}, "not a fixed"),
    "a fixed number of faces": ({"shape": (1, SIDE, SIDE, 3)}, "takes exactly 1 faces"),
    "two outputs": ({"outputs": 2}, "2 outputs and not three"),
    "outputs of another size": ({"crooked": True}, r"output of \(47, 48, 3\)"),
    "a custom operator": ({"domain": "com.example"}, r"custom operators \(com.example\)"),
    "weights elsewhere": ({"external": "../../secret.bin"}, "draws its weights from another file"),
    "a newer opset": ({"opset": 21}, "has opset 21 and 18 is the newest"),
}


@pytest.mark.parametrize("name", NO_DFMS)
def test_what_is_no_dfm(tmp_path: Path, name: str) -> None:
    made, words = NO_DFMS[name]
    path = make_dfm(tmp_path / "x.dfm", **made)
    with pytest.raises(ArtifactRefused, match=words):
        run_to_completion(import_model(path, tmp_path / "b", ImportOptions("ben")))
    assert list(tmp_path.iterdir()) == [path]


def test_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.dfm").write_bytes(b"not ONNX at all")
    (tmp_path / "x.keras").write_bytes(b"not a zip")
    refusals = {
        "x.dfm": (ArtifactRefused, "cannot be read as ONNX"),
        "x.keras": (ArtifactRefused, r"no \.zip"),
        "y.dfm": (ArtifactRefused, "does not exist"),
        "x.h5": (UsageError, "is not imported"),
    }
    for name, (error, words) in refusals.items():
        with pytest.raises(error, match=words):
            run_to_completion(import_model(tmp_path / name, tmp_path / "b", ImportOptions("ben")))
    monkeypatch.setattr("faceloom_export.importers.dfm_reader._MOST_BYTES", 100)
    with pytest.raises(ArtifactRefused, match="a model ends at"):
        read_dfm(make_dfm(tmp_path / "x.dfm"), 1.0)


class PixelShuffler(layers.Layer):
    """A layer that only the other program knows: its file names a class that is not here."""

    def call(self, x):
        return ops.depth_to_space(x, 2)

    def compute_output_shape(self, shape):
        return shape[0], shape[1] * 2, shape[2] * 2, shape[3] // 4


def enlarged(x, channels: int):
    return PixelShuffler()(layers.LeakyReLU(0.1)(layers.Conv2D(4 * channels, 3, padding="same")(x)))


def original(
    widths=(8, 12, 16, 20), code: int = 24, up: int = 16, decoder=(12, 8, 4), **conv
) -> keras.Model:
    """The public architecture, with fewer channels than 128-256-512-1024, 1024, 512 and 256-128-64."""
    x = face = keras.Input((64, 64, 3), name="face_in")
    for channels in widths:
        settings = {"strides": 2, "padding": "same", **conv}
        x = layers.LeakyReLU(0.1)(layers.Conv2D(channels, 5, **settings)(x))
    x = layers.Dense(code)(layers.Flatten(name="flat")(x))
    x = layers.Reshape((4, 4, code))(layers.Dense(16 * code)(x))
    encoder = keras.Model(face, enlarged(x, up), name="encoder")
    sides = [_decoder(name, up, decoder) for name in ("decoder_a", "decoder_b")]
    inputs = [keras.Input((64, 64, 3), name=f"face_in_{side}") for side in "ab"]
    return keras.Model(
        inputs, [part(encoder(x)) for part, x in zip(sides, inputs, strict=True)], name="original"
    )


def _decoder(name: str, up: int, widths) -> keras.Model:
    x = features = keras.Input((8, 8, up))
    for channels in widths:
        x = enlarged(x, channels)
    return keras.Model(
        features, layers.Conv2D(3, 5, padding="same", activation="sigmoid")(x), name=name
    )


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    made = original()
    for weight in made.weights:
        # Biases begin at 0 and would hide that they are lost.
        if len(weight.shape) == 1:
            weight.assign(np.random.default_rng(2).normal(0, 0.2, weight.shape))
    return made


@pytest.fixture
def saved(model: keras.Model, tmp_path: Path) -> Path:
    model.save(tmp_path / "original.keras")
    return tmp_path / "original.keras"


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_faceswap_model_draws_what_keras_draws(
    model: keras.Model, saved: Path, side: str
) -> None:
    """Strided 5 x 5 windows on 64 px need one row before and two after: centered, the picture would shift."""
    foreign = read_faceswap(saved, side, 1.0)
    session = ort.InferenceSession(
        foreign.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    bgr = np.random.default_rng(3).random((2, 64, 64, 3)).astype(np.float32)
    _, drawn, mask = session.run(None, {"in_face:0": bgr})
    expected = ops.convert_to_numpy(model([bgr, bgr])["ab".index(side)])
    assert expected.std() > 0.01
    np.testing.assert_allclose(drawn, expected, atol=2e-6)
    assert (mask == 1).all()


def test_a_faceswap_model_becomes_a_bundle(model: keras.Model, saved: Path, tmp_path: Path) -> None:
    options = ImportOptions("ben", coverage=0.9)
    summary = run_to_completion(import_model(saved, tmp_path / "b", options))
    assert (summary.format, summary.size) == ("faceswap", 64)
    bundle = Bundle.read(tmp_path / "b")
    assert bundle.manifest.crop.coverage == 0.9
    faces = np.random.default_rng(3).integers(0, 256, (2, 64, 64, 3), np.uint8)
    swapped = SwapNetwork.open(bundle, "cpu").swap(faces)
    bgr = faces[..., ::-1].astype(np.float32) / 255
    expected = 255 * ops.convert_to_numpy(model([bgr, bgr])[1])[..., ::-1]
    assert np.abs(swapped.faces - expected).max() <= 0.51
    assert (swapped.masks == 255).all()


def repacked(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_config(words: str, others: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        text = members["config.json"].decode()
        assert words in text
        members["config.json"] = text.replace(words, others).encode()

    return change


def with_weights_elsewhere(members: dict[str, bytes]) -> None:
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        vars_ = file["layers/functional/layers/conv2d/vars"]
        shape = vars_["0"].shape
        del vars_["0"]
        vars_.create_dataset(
            "0", shape, "f4", external=[("/etc/hostname", 0, 4 * int(np.prod(shape)))]
        )
    members["model.weights.h5"] = content.getvalue()


def with_a_link(members: dict[str, bytes]) -> None:
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        vars_ = file["layers/functional/layers/conv2d/vars"]
        del vars_["0"]
        vars_["0"] = h5py.ExternalLink("/tmp/other.h5", "/weights")
    members["model.weights.h5"] = content.getvalue()


def with_less_of(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({name: members[name][: len(members[name]) // 2]})


DAMAGE = {
    "code in the file": (
        with_config('"class_name": "Flatten"', '"class_name": "Lambda"'),
        "Lambda, which is not known",
    ),
    "another padding": (
        with_config('"padding": "same"', '"padding": "valid"'),
        "has padding 'valid'",
    ),
    "another activation": (with_config('"sigmoid"', '"gelu"'), "has the activation gelu"),
    "other parts": (with_config("decoder_b", "decoder_c"), "has no part 'decoder_b'"),
    "no chain": (
        with_config('["flat", 0, 0]', '["face_in", 0, 0]'),
        "does not take what the one before",
    ),
    "no JSON": (with_less_of("config.json"), "its config.json is missing or damaged"),
    "half the weights": (
        with_less_of("model.weights.h5"),
        "its model.weights.h5 is missing or damaged",
    ),
    "no weights": (lambda members: members.pop("model.weights.h5"), "missing or damaged"),
    "weights in another file": (with_weights_elsewhere, "draws its weights from another file"),
    "a link to another file": (with_a_link, "draws its weights from elsewhere"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_no_model_original(saved: Path, tmp_path: Path, name: str) -> None:
    change, words = DAMAGE[name]
    repacked(saved, change)
    with pytest.raises(ArtifactRefused, match=words):
        run_to_completion(import_model(saved, tmp_path / "b", ImportOptions("ben")))
    assert list(tmp_path.iterdir()) == [saved]
