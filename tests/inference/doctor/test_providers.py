"""The doctor tells which plug-ins are installed, whether they load, and on which devices."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.fakes.plugins import FakePlugins

from faceloom.doctor import providers
from faceloom.errors import ProviderMissing
from faceloom.swap.inference import face_models, plugin_providers
from faceloom.swap.inference.plugin_providers import PLUGINS


class RunsEverything:
    """A session whose run succeeds."""

    def run(self, outputs: None, inputs: object) -> None:
        pass


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[FakePlugins]:
    with FakePlugins.install(tmp_path) as fake:
        yield fake


@pytest.mark.parametrize(
    ("provider", "kinds", "state", "detail", "advice"),
    [
        (
            "openvino", ["CPU", "GPU"], "ok",
            "ran a network on Acme (CPU), onnxruntime-ep-openvino; other devices: Acme (GPU)", "",
        ),
        ("webgpu", ["GPU"], "ok", "ran a network on Acme (GPU), onnxruntime-ep-webgpu", ""),
        ("webgpu", [], "missing", "installed, but does not run", "finds no device"),
    ],
)  # fmt: skip
def test_an_installed_plugin_is_reported(
    plugins: FakePlugins,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    kinds: list[str],
    state: str,
    detail: str,
    advice: str,
) -> None:
    plugins.add(provider, *kinds)
    monkeypatch.setattr(plugin_providers, "version", _not_installed)

    def open_session(path: Path, name: str) -> RunsEverything:
        plugin_providers.plugin_device(name)
        return RunsEverything()

    monkeypatch.setattr(face_models, "open_session", open_session)
    results = {result.check: result for result in providers.check()}
    result = results[f"provider {provider}"]
    assert (result.state, result.detail) == (state, detail)
    assert advice in result.advice


def test_a_plugin_that_is_not_installed_is_not_mentioned(plugins: FakePlugins) -> None:
    checks = {result.check: result.state for result in providers.check()}
    assert checks["provider cpu"] == "ok"
    assert not {f"provider {name}" for name in PLUGINS} & checks.keys()


def test_a_plugin_that_cannot_be_loaded_does_not_stop_the_other_checks(
    plugins: FakePlugins,
) -> None:
    plugins.add("tensorrt-rtx", "GPU")
    plugins.error = ProviderMissing("libcuda.so.1 is missing")
    results = {result.check: result for result in providers.check()}
    assert results["provider tensorrt-rtx"].state == "missing"
    assert "libcuda.so.1 is missing" in results["provider tensorrt-rtx"].advice
    assert results["provider cpu"].state == "ok"


def _not_installed(name: str) -> str:
    raise plugin_providers.PackageNotFoundError(name)
