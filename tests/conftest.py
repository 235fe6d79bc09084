"""Fixtures that all tests share: the sample, face sets, the command line.

They import Faceloom when they run: the process that only distributes tests reads this file too.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# Shells start background jobs with SIGINT ignored, and processes that tests start inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of the sample clips."""
    from faceloom.demo import run as demo_run

    return Path(demo_run.__file__).parent / "sample"


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of files that cameras, phones and other programs wrote."""
    return Path(__file__).parent / "data" / "cases"


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the signing key and tuning results out of the user's own folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


class _FindsNothing:
    """The network of the content check, for targets that show nothing to refuse."""

    def detect(self, image_path: Any) -> list[dict[str, Any]]:
        return []


@pytest.fixture(scope="session", autouse=True)
def _networks_are_opened_once() -> Iterator[None]:
    """Open face models once and run them once for each input; the content check finds nothing.

    They run on one thread: the other test process needs the other core.
    tests/inference/provenance/test_content_check.py runs the network of the content check.
    """
    from tests.helpers.runner.memoized_session import memoize

    from faceloom import onnx_session
    from faceloom import weights as faceloom_weights
    from faceloom.provenance import content_check

    opened, weights = onnx_session.open_cpu_session, Path(str(faceloom_weights.__file__)).parent

    @cache
    def opened_once(path: Path, threads: int) -> Any:
        return memoize(opened(path, threads or 1))

    def open_once(path: Path, threads: int = 0) -> Any:
        return (opened_once if path.parent == weights else opened)(path, threads)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_session, "open_cpu_session", open_once)
        patch.setattr(content_check, "load_nudity_detector", _FindsNothing)
        yield


@pytest.fixture(scope="session")
def facesets(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> dict[str, Path]:
    """Face sets of the two synthetic people, from every eighth frame."""
    from tests.helpers.runner.shared_folder import shared_folder

    from faceloom.faceset import ExtractOptions, extract
    from faceloom.progress import run_to_completion

    def make(folder: Path) -> None:
        for name in ("ada", "ben"):
            footage = sample / f"train_{name}.mp4"
            run_to_completion(extract([footage], folder / name, ExtractOptions(name, every=8)))

    folder = shared_folder(tmp_path_factory, "facesets", make)
    return {name: folder / name for name in ("ada", "ben")}


@pytest.fixture
def faceloom(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the `faceloom` command in this process; return exit code, stdout and stderr."""
    from faceloom.cli import app as app_module

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["faceloom", *map(str, arguments)])
        capfd.readouterr()
        try:
            app_module.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return run
