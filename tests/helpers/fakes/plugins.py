"""Packages of plug-in providers without a library, and the calls of onnxruntime for them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import onnxruntime as ort
import pytest

from faceloom.swap.inference import plugin_providers
from faceloom.swap.inference.plugin_providers import PLUGINS


def fake_device(
    full_name: str, kind: str, vendor: str = "Acme", **metadata: str
) -> SimpleNamespace:
    """Return what onnxruntime lists for one device of a provider."""
    hardware = SimpleNamespace(type=SimpleNamespace(name=kind), vendor=vendor)
    return SimpleNamespace(ep_name=full_name, ep_metadata=metadata, device=hardware)


@dataclass
class FakePlugins:
    """Installed plug-ins, as long as a test runs."""

    folder: Path
    """Where the packages are installed."""
    devices: list[object] = field(default_factory=list)
    """What the libraries support."""
    registered: list[tuple[str, str]] = field(default_factory=list)
    """The name and path of each library that was registered."""
    error: Exception | None = None
    """What registering raises."""

    @classmethod
    @contextmanager
    def install(cls, folder: Path) -> Iterator["FakePlugins"]:
        """Hide the real plug-ins, until the end of the block; `add` installs others."""
        fake = cls(folder)
        modules = {plugin.module for plugin in PLUGINS.values()}
        with pytest.MonkeyPatch.context() as patch:
            for module in modules:
                patch.delitem(sys.modules, module, raising=False)
            patch.setattr(plugin_providers, "find_spec", fake._find)
            patch.syspath_prepend(folder)
            patch.setattr(ort, "register_execution_provider_library", fake._register)
            patch.setattr(ort, "get_ep_devices", lambda: fake.devices)
            plugin_providers._register.cache_clear()
            yield fake
            plugin_providers._register.cache_clear()
            for module in modules:
                sys.modules.pop(module, None)

    def add(self, provider: str, *kinds: str, code: str = "") -> None:
        """Install the package of a provider whose library supports devices of these kinds."""
        plugin = PLUGINS[provider]
        package = self.folder / plugin.module
        package.mkdir()
        path = package / "lib.so"
        (package / "__init__.py").write_text(
            f"{code}\ndef get_library_path() -> str:\n    return {str(path)!r}\n"
        )
        self.devices += [fake_device(plugin.full_name, kind) for kind in kinds]

    def _find(self, module: str) -> object | None:
        return module if (self.folder / module).is_dir() else None

    def _register(self, name: str, path: str) -> None:
        self.registered.append((name, path))
        if self.error:
            raise self.error
