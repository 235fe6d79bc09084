"""An estimate runs alone and ends with the studio."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.studio.server import serve_studio

from faceloom.project import step_process

# Seconds that the fake command runs, and those in which the studio must end.
COMMAND_SECONDS = 60
END_SECONDS = 20


def _children_with(code: str) -> list[psutil.Process]:
    """The child processes that run some code; Python keeps helper processes of its own."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if code in child.cmdline():
                found.append(child)
    return found


@pytest.mark.process
def test_an_estimate_runs_alone_and_ends_with_the_studio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"import time; time.sleep({COMMAND_SECONDS})"
    monkeypatch.setattr(step_process, "PROGRAM", (sys.executable, "-c", code))
    paths = make_clip(tmp_path / "clip.mp4", wave_images(6)), make_bundle(tmp_path / "ben.bundle")
    with ThreadPoolExecutor(1) as threads:
        with serve_studio(tmp_path / "project", tmp_path) as server:
            clip, bundle = (server.studio.project.open_path(path).id for path in paths)
            body = {"clip": clip, "bundle": bundle, "name": "first"}
            first = threads.submit(server.post, "/swap/estimate", **body)
            while not (commands := _children_with(code)):
                assert not first.done(), first.result().text
                time.sleep(0.01)
            second = server.post("/swap/estimate", **body)
            assert (second.status, second.json["error"]) == (
                400,
                "Another estimate runs; wait until it ends.",
            )
            end = time.monotonic()
        assert time.monotonic() - end < END_SECONDS
    assert not psutil.wait_procs(commands, timeout=0)[1]
    # The page may get the error, or no answer.
    assert first.exception() or first.result().status != 200
