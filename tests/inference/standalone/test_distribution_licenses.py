"""The standalone folder's licenses are those of all that Faceloom needs, not of what it names."""

import importlib.util
from importlib.metadata import distribution
from pathlib import Path

import pytest

_FILE = Path(__file__).parents[3] / "inference/standalone/distribution_licenses.py"
_SPEC = importlib.util.spec_from_file_location("distribution_licenses", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
licenses = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(licenses)


# Made-up distributions and what they require.
_REQUIRED = {
    "loom-a": ("Loom_B[fast]", "loom-c>=1; extra == 'page'", "loom-x; extra == 'other'"),
    "loom-b": ("loom-d; extra == 'fast'", "loom-x; python_version < '3'", "loom-a"),
    "loom-c": ("loom-e",),
    "loom-d": (),
    "loom-e": (),
}


@pytest.mark.parametrize(
    ("extras", "names"),
    [
        ((), {"loom-a", "loom-b", "loom-d"}),
        (("page", "unknown"), {"loom-a", "loom-b", "loom-c", "loom-d", "loom-e"}),
    ],
)
def test_requirements_of_requirements_are_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extras: tuple[str, ...], names: set[str]
) -> None:
    for name, requirements in _REQUIRED.items():
        folder = tmp_path / f"{name.replace('-', '_')}-1.dist-info"
        folder.mkdir()
        lines = [
            f"Name: {name}",
            "Version: 1",
            *(f"Requires-Dist: {each}" for each in requirements),
        ]
        (folder / "METADATA").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    assert licenses.required_distributions("loom-a", extras).keys() == names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("onnxruntime", "onnxruntime/ThirdPartyNotices.txt"),
        ("opencv-python-headless", "cv2/LICENSE-3RD-PARTY.txt"),
        ("numpy", "dist-info/licenses/LICENSE.txt"),
    ],
)
def test_license_files_in_and_beside_the_metadata_are_found(name: str, path: str) -> None:
    assert any(found.endswith(path) for found in licenses.license_files(distribution(name)))
