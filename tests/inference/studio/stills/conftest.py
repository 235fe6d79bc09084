"""A clip, a bundle, and an engine that counts what it runs."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.bundles import make_bundle

from faceloom.studio.stills import still_engine, still_sources


@pytest.fixture(scope="package")
def clip(studio_clip: Path) -> Path:
    return studio_clip


@pytest.fixture(scope="package")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that inverts the face, with learned masks that fill the crop."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each stage runs."""
    counts: Counter[str] = Counter()

    def counted(name: str, stage: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return stage(*arguments, **options)

        return run

    stages = "FaceChain run_network match_lead_in match_frame blend_lead_in blend_frame"
    for module, names in ((still_engine, stages), (still_sources, "load_bundle embed_references")):
        for name in names.split():
            monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return counts
