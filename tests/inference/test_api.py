"""The Python API: one call for a conversion and for an extraction, and a light import."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

import faceloom
from faceloom.errors import ArtifactRefused
from faceloom.faceset import FaceSet
from faceloom.image_io import write_png
from faceloom.progress import Progress
from faceloom.video import read_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    pictures = [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=6)]
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", pictures)


def test_convert_writes_the_output_and_returns_a_summary(tmp_path: Path, clip: Path) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    steps: list[Progress] = []
    summary = faceloom.convert(
        str(clip),
        str(bundle),
        str(tmp_path / "out.mp4"),
        on_progress=steps.append,
        batch_size=4,
        color="rct",
    )
    assert isinstance(summary, faceloom.ConvertSummary)
    assert (summary.frames, summary.swapped_frames, summary.precision) == (6, 6, "fp32")
    assert len(list(read_frames(tmp_path / "out.mp4"))) == 6
    assert [(step.stage, step.done) for step in steps] == [("convert", 4), ("convert", 6)]


def test_convert_takes_pictures_of_people_as_text(tmp_path: Path, clip: Path) -> None:
    picture = tmp_path / "ada.png"
    write_png(picture, next(iter(read_frames(clip))).rgb)
    bundle = make_bundle(tmp_path / "ben.bundle")
    with pytest.raises(faceloom.FaceloomError, match="is the requested person"):
        faceloom.convert(clip, bundle, tmp_path / "out.mp4", exclude=[str(picture)])
    summary = faceloom.convert(clip, bundle, tmp_path / "out.mp4", reference=[str(picture)])
    assert summary.swapped_frames == 6


def test_convert_raises_the_errors_of_the_library(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(ArtifactRefused):
        faceloom.convert(clip, tmp_path / "no.bundle", tmp_path / "out.mp4")
    with pytest.raises(TypeError, match="speed"):
        faceloom.convert(clip, tmp_path / "no.bundle", tmp_path / "out.mp4", speed=3)


def test_extract_writes_a_face_set_and_returns_a_summary(tmp_path: Path, clip: Path) -> None:
    summary = faceloom.extract(clip, tmp_path / "ada", "ada", size=64, workers=1)
    assert isinstance(summary, faceloom.ExtractSummary)
    assert summary.faces == len(FaceSet.read(tmp_path / "ada")) > 0


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = faceloom.missing


@pytest.mark.process
def test_the_import_loads_no_large_package() -> None:
    program = (
        "import sys, faceloom\n"
        "assert not {'av', 'cv2', 'numpy', 'onnxruntime', 'pydantic'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
