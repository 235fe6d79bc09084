"""Plug-in providers are found, registered once, and refused with one sentence."""

import logging
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from tests.helpers.bundles import SIZE, make_bundle
from tests.helpers.fakes.plugins import FakePlugins, fake_device

from faceloom import onnx_session
from faceloom.errors import ProviderMissing
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.inference import providers
from faceloom.swap.inference.plugin_providers import (
    PLUGINS,
    describe_device,
    describe_package,
    has_plugin,
    plugin_device,
)
from faceloom.swap.inference.providers import PROVIDERS, is_available, open_session

LOAD_ERROR = (
    "[ONNXRuntimeError] : 1 : FAIL : Failed to load library /a/long/path/lib.so with error: "
    "libcuda.so.1: cannot open shared object file\nsecond line"
)


@pytest.fixture
def plugins(tmp_path: Path) -> Iterator[FakePlugins]:
    (tmp_path / "site").mkdir()
    with FakePlugins.install(tmp_path / "site") as fake:
        yield fake


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle.read(make_bundle(tmp_path / "ben.bundle"))


@pytest.fixture(scope="module")
def cpu_device() -> object:
    """The device of onnxruntime's own CPU provider."""
    return next(each for each in ort.get_ep_devices() if each.ep_name == PROVIDERS["cpu"])


@pytest.fixture
def runs_on_cpu(
    cpu_device: object, plugins: FakePlugins, monkeypatch: pytest.MonkeyPatch
) -> FakePlugins:
    """Install an openvino plug-in whose device is the one of the CPU provider."""
    full_name = PROVIDERS["cpu"]
    plugins.add("openvino")
    plugins.devices.append(cpu_device)
    monkeypatch.setitem(PLUGINS, "openvino", replace(PLUGINS["openvino"], full_name=full_name))
    monkeypatch.setitem(PROVIDERS, "openvino", full_name)
    return plugins


@pytest.mark.parametrize("provider", PLUGINS)
def test_a_plugin_is_found_without_being_loaded(plugins: FakePlugins, provider: str) -> None:
    assert not has_plugin(provider)
    assert not is_available(provider)
    plugins.add(provider, "CPU", "GPU", code="raise RuntimeError('loaded')")
    assert has_plugin(provider)
    assert is_available(provider)
    assert not plugins.registered


def test_a_library_is_registered_once(plugins: FakePlugins) -> None:
    plugins.add("openvino", "GPU", "CPU", "NPU")
    plugins.add("webgpu", "GPU")
    for _ in range(3):
        assert describe_device(plugin_device("openvino")) == "Acme (CPU)"
        assert describe_device(plugin_device("webgpu")) == "Acme (GPU)"
    path = plugins.folder / "onnxruntime_ep_openvino" / "lib.so"
    assert plugins.registered[0] == ("OpenVINOExecutionProvider", str(path))
    assert len(plugins.registered) == 2


@pytest.mark.parametrize(
    ("provider", "kinds", "code", "error", "words"),
    [
        ("webgpu", [], "", None, r"webgpu .* finds no device .* needs a GPU with a Vulkan"),
        ("openvino", ["GPU"], "", None, r"openvino .* finds no device .* needs a processor by"),
        (
            "tensorrt-rtx",
            ["GPU"],
            "",
            RuntimeError(LOAD_ERROR),
            r"cannot be loaded \(libcuda.so.1: cannot open shared object file\); it needs an NV",
        ),
        ("webgpu", ["GPU"], "", RuntimeError("too old"), r"cannot be loaded \(too old\)"),
        ("webgpu", ["GPU"], "raise OSError('broken')", None, r"cannot be loaded \(broken\)"),
        ("webgpu", ["GPU"], "import no_such_module", None, r"cannot be loaded \(No module named"),
    ],
)
def test_a_plugin_that_does_not_work_is_refused_with_one_sentence(
    plugins: FakePlugins,
    bundle: Bundle,
    provider: str,
    kinds: list[str],
    code: str,
    error: Exception | None,
    words: str,
) -> None:
    plugins.add(provider, *kinds, code=code)
    plugins.error = error
    for _ in range(2):
        with pytest.raises(ProviderMissing, match=words) as caught:
            SwapNetwork.open(bundle, provider)
        assert caught.value.exit_code == 4
        assert "\n" not in str(caught.value)
    assert len(plugins.registered) <= 1


@pytest.mark.parametrize("provider", PLUGINS)
def test_a_missing_plugin_is_named_with_its_install_command(
    plugins: FakePlugins, bundle: Bundle, provider: str
) -> None:
    with pytest.raises(ProviderMissing, match=rf"pip install 'faceloom\[{provider}\]'"):
        SwapNetwork.open(bundle, provider)


def test_auto_passes_over_a_plugin_that_does_not_work(
    plugins: FakePlugins, bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    plugins.add("openvino", "CPU")
    plugins.add("webgpu", "GPU")
    plugins.error = RuntimeError(LOAD_ERROR)
    with caplog.at_level(logging.WARNING):
        assert SwapNetwork.open(bundle).provider == "cpu"
    (record,) = caplog.records
    assert "onnxruntime-ep-openvino" in record.message
    assert record.message.endswith("Trying the next provider.")


def test_only_a_plugin_for_which_auto_asks_is_loaded(plugins: FakePlugins, bundle: Bundle) -> None:
    for provider in ("webgpu", "tensorrt-rtx"):
        plugins.add(provider, "GPU")
    assert SwapNetwork.open(bundle).provider == "cpu"
    assert not plugins.registered


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("amx_bf16", {"load_config": '{"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}'}), ("avx2", {})],
)
def test_a_session_runs_on_the_device_of_the_plugin_with_its_options(
    runs_on_cpu: FakePlugins,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    flags: str,
    expected: dict[str, str],
) -> None:
    used: list[object] = []
    create = onnx_session.create_session

    def watched(*arguments: object, **keywords: object) -> ort.InferenceSession:
        used.append(keywords["plugin"])
        # The CPU's own device knows no option of OpenVINO.
        return create(*arguments, **{**keywords, "plugin": (runs_on_cpu.devices[0], {})})

    monkeypatch.setattr(providers, "create_session", watched)
    monkeypatch.setattr(providers, "has_amx", lambda: flags == "amx_bf16")
    network = SwapNetwork.open(bundle, "openvino")
    assert used == [(runs_on_cpu.devices[0], expected)]
    assert network.provider == "openvino"
    crops = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    np.testing.assert_array_equal(network.swap(crops).faces, 255 - crops)
    assert len(runs_on_cpu.registered) == 1


def test_a_plugin_whose_session_runs_on_the_cpu_is_refused(
    runs_on_cpu: FakePlugins, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROVIDERS, "openvino", "OpenVINOExecutionProvider")
    with pytest.raises(ProviderMissing, match=r"openvino provider .* does not start here"):
        open_session(bundle.path / bundle.manifest.graphs[0].file, "openvino")


@pytest.mark.parametrize(
    ("describe", "expected"),
    [
        (lambda: describe_device(fake_device("X", "GPU", "NVIDIA")), "NVIDIA (GPU)"),
        (lambda: describe_device(fake_device("X", "CPU", FULL_DEVICE_NAME="Xeon")), "Xeon (CPU)"),
        (lambda: describe_device(fake_device("X", "NPU", "")), "unnamed device (NPU)"),
    ],
)
def test_a_device_is_described(describe: Callable[[], str], expected: str) -> None:
    assert describe() == expected


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [("onnxruntime-ep-none", "onnxruntime-ep-none"), ("numpy", f"numpy {np.__version__}")],
)
def test_a_package_is_described(
    monkeypatch: pytest.MonkeyPatch, distribution: str, expected: str
) -> None:
    monkeypatch.setitem(PLUGINS, "webgpu", replace(PLUGINS["webgpu"], distribution=distribution))
    assert describe_package("webgpu") == expected


def test_every_plugin_has_an_extra() -> None:
    path = Path(__file__).parents[4] / "pyproject.toml"
    project = tomllib.loads(path.read_text())["project"]
    for provider, plugin in PLUGINS.items():
        cpu, package = project["optional-dependencies"][provider]
        assert cpu == "faceloom[cpu]"
        assert package.startswith(f"{plugin.distribution}>=")
