"""A studio whose process is killed in the middle of a job."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helpers.fakes import faceloom_program
from tests.helpers.studio.server import serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.jobs.job import JobRequest, JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.known_projects import remember
from faceloom.studio.studio_project import StudioProject

# A process that serves a project and has the fake program as its command.
_SERVE = """
import sys
from pathlib import Path
from faceloom.project import step_process
from tests.helpers.studio.server import serve_studio
step_process.PROGRAM = (sys.executable, sys.argv[2])
with serve_studio(Path(sys.argv[1])):
    sys.stdin.read()
"""

pytestmark = pytest.mark.process


def test_its_job_is_there_at_the_next_start_and_ends(
    tmp_path: Path, fake_commands: Callable[[], list[str]]
) -> None:
    project = StudioProject.open(tmp_path / "project")
    remember(project.folder)
    arguments = ("extract", "clip.mp4", "--out", "ada")
    JobQueue(project.folder / "jobs").add(
        JobRequest(title="Extract the faces of ada", arguments=arguments, artifact="ada")
    )
    Path("wait.txt").write_text("ada")
    words = [sys.executable, "-c", _SERVE, str(project.folder), faceloom_program.__file__]
    # The working directory is that of the fake program's files.
    folders = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environment) as killed:
        wait_until(fake_commands)
        killed.kill()
    Path("wait.txt").unlink()

    with serve_studio(project.folder) as server:
        wait_until(lambda: server.studio.jobs.job(1).has_ended)
        ended = server.studio.jobs.job(1)
    assert ended.state is JobState.DONE
    assert len(fake_commands()) == 2
    assert Path("ada/faceset.json").is_file()
