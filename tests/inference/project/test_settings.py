"""What is refused before any footage is looked at, and how people and projects are named."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloom.doctor.overview import install_command
from faceloom.errors import ArtifactRefused, ProviderMissing, UsageError
from faceloom.image_io import write_png
from faceloom.project import Project, SwapSettings
from faceloom.project.settings import (
    check_training_installed,
    default_project,
    identity_names,
    open_inputs,
)


@pytest.mark.parametrize(
    ("missing", "extras"),
    [
        (("tensorflow", "keras"), "faceloom[train]"),
        (("tf2onnx",), "faceloom[export]"),
        (("keras", "onnx"), "faceloom[train,export]"),
    ],
)
def test_a_missing_trainer_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], extras: str
) -> None:
    found = importlib.util.find_spec

    def find(name: str, *rest: Any) -> Any:
        return None if name in missing else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(ProviderMissing) as caught:
        check_training_installed()
    assert f"pip install '{extras}'" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ("ben", "clip")),
        ({"guests": (Path("my clip (2).mp4"),)}, ("my-clip-2", "clip")),
        ({"guests": (Path("people/clip.mov"),)}, ("clip", "clip-target")),
        (
            {"guests": (Path(f"a/{'x' * 50}.mp4"),), "target": Path(f"{'x' * 50}.mp4")},
            ("x" * 40, f"{'x' * 33}-target"),
        ),
        ({"guests": (Path("顔.mp4"),)}, ("guest", "clip")),
        ({"guest_name": "Ben", "target_name": "Ada"}, ("Ben", "Ada")),
    ],
)
def test_names_come_from_the_footage(
    settings: SwapSettings, changes: dict[str, Any], names: tuple[str, str]
) -> None:
    assert identity_names(replace(settings, **changes)) == names


@pytest.mark.parametrize(
    "changes",
    [
        {"guest_name": "b/n"},
        {"target_name": "-n"},
        {"guest_name": "a", "target_name": "a"},
    ],
)
def test_names_that_cannot_be_used(settings: SwapSettings, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="name"):
        identity_names(replace(settings, **changes))


@pytest.mark.parametrize(
    ("out", "project"),
    [
        ("a.mp4", "a.faceloom"),
        ("b/a.b.webm", "b/a.b.faceloom"),
        ("frames", "frames.faceloom"),
        ("frames/n_%05d.png", "frames.faceloom"),
    ],
)
def test_the_project_is_beside_the_output(out: str, project: str) -> None:
    assert default_project(Path(out)) == Path(project)


def test_every_list_of_files_decides_the_training(settings: SwapSettings) -> None:
    for name in ("a.png", "b.png"):
        Path(name).touch()
    pictures, pattern = (Path("a.png"),), (Path("*.png"),)
    keys = [
        replace(settings, reference=pictures).training_key(),
        replace(settings, guest_reference=pictures).training_key(),
        replace(settings, target_footage=pictures).training_key(),
        replace(settings, target_footage=pattern).training_key(),
        replace(settings, guests=pattern).training_key(),
    ]
    Path("b.png").write_text("other")
    keys.append(replace(settings, guests=pattern).training_key())
    assert len(set(keys)) == len(keys)


def test_a_folder_of_pictures_has_as_many_frames_as_pictures(settings: SwapSettings) -> None:
    Path("frames").mkdir()
    for name in ("frames/1.png", "frames/2.png", "ben.png"):
        write_png(Path(name), np.zeros((16, 16, 3), np.uint8))
    pictures = replace(
        settings, guests=(Path("ben.png"),), target=Path("frames"), out=Path("out.mp4")
    )
    assert open_inputs(pictures).target_frames == 2


@pytest.mark.parametrize(
    ("out", "changes"),
    [
        ("ben.mp4", {}),
        ("clip.mp4", {}),
        ("hard.mp4", {}),
        ("link.mp4", {}),
        ("more.mp4", {"target_footage": (Path("more.mp4"),)}),
        ("more.mp4", {"guests": (Path("m*.mp4"),)}),
        ("a.png", {"reference": (Path("a.png"),)}),
        ("a.png", {"guest_reference": (Path("a.png"),)}),
        ("folder/old.mp4", {"guests": (Path("folder"),)}),
        ("folder", {"guests": (Path("folder/old.mp4"),)}),
    ],
)
def test_no_footage_or_picture_is_replaced(
    settings: SwapSettings, out: str, changes: dict[str, Any]
) -> None:
    Path("folder").mkdir()
    for name in ("more.mp4", "a.png", "folder/old.mp4"):
        Path(name).touch()
    Path("hard.mp4").hardlink_to("ben.mp4")
    Path("link.mp4").symlink_to("ben.mp4")
    given = replace(settings, out=Path(out), force=True, **changes)
    with pytest.raises(UsageError, match=f"^{out} .*(would replace|is not replaced)"):
        open_inputs(given)


@pytest.mark.parametrize("field", ["guests", "target", "target_footage", "reference"])
def test_an_address_is_refused(settings: SwapSettings, field: str) -> None:
    address = Path("https://x.org/a.mp4")
    with pytest.raises(UsageError, match="download it first"):
        open_inputs(replace(settings, **{field: address if field == "target" else (address,)}))


def test_a_preset_is_checked_first(settings: SwapSettings) -> None:
    with pytest.raises(UsageError, match="There is no preset foo"):
        open_inputs(replace(settings, preset="foo"))


def test_a_project_of_another_schema_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "project.json").write_text('{"schema": 1, "choices": {"a": {}}}')
    with pytest.raises(ArtifactRefused, match=r"has schema 1, .*choose another --project"):
        Project.read(tmp_path)


def test_a_gpu_needs_other_packages() -> None:
    assert "faceloom[cpu,train,export]" in install_command(gpu=False)
    assert "jax[cuda13]" in install_command(gpu=True)
