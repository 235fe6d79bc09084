"""What is refused before any footage is looked at, and how people and projects are named."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceloom.doctor.overview import install_command
from faceloom.errors import ProviderMissing, UsageError
from faceloom.project import SwapSettings
from faceloom.project.settings import check_training_installed, default_project, identity_names


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
        ({"guests": (Path("顔.mp4"),)}, ("guest", "clip")),
        ({"guest_name": "Ben", "target_name": "Ada"}, ("Ben", "Ada")),
    ],
)
def test_names_come_from_the_footage(
    settings: SwapSettings, changes: dict[str, Any], names: tuple[str, str]
) -> None:
    assert identity_names(replace(settings, **changes)) == names


@pytest.mark.parametrize(
    "changes", [{"guest_name": "a/b"}, {"guest_name": "a", "target_name": "a"}]
)
def test_names_that_cannot_be_used(settings: SwapSettings, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="name"):
        identity_names(replace(settings, **changes))


@pytest.mark.parametrize(
    ("out", "project"),
    [("a.mp4", "a.faceloom"), ("b/a.b.webm", "b/a.b.faceloom"), ("frames", "frames.faceloom")],
)
def test_the_project_is_beside_the_output(out: str, project: str) -> None:
    assert default_project(Path(out)) == Path(project)


def test_a_gpu_needs_other_packages() -> None:
    assert "faceloom[cpu,train,export]" in install_command(gpu=False)
    assert "jax[cuda13]" in install_command(gpu=True)
