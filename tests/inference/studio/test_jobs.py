"""The queue: order, progress, stopping, and the end of the studio."""

import errno
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.helpers.studio.server import serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.errors import PartlyDone, UsageError
from faceloom.project import step_process
from faceloom.project.child_process import child_record
from faceloom.project.step import OnExisting
from faceloom.studio.jobs.job import Job, JobRequest, JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.jobs.job_runner import JobRunner
from faceloom.studio.jobs.job_store import JobStore
from faceloom.studio.studio_project import StudioProject


def convert_request(name: str) -> JobRequest:
    return JobRequest(
        title=f"Convert {name}",
        arguments=("convert", "clip.mp4", "--out", name),
        artifact=name,
        on_existing=OnExisting.RESUME,
    )


@pytest.fixture
def queue(tmp_path: Path) -> JobQueue:
    return JobQueue(tmp_path / "jobs")


@pytest.fixture
def runner(queue: JobQueue) -> Iterator[JobRunner]:
    runner = JobRunner(queue)
    runner.start()
    yield runner
    runner.close()


def state_of(queue: JobQueue, number: int) -> JobState:
    return queue.job(number).state


@pytest.mark.process
def test_jobs_run_in_order_and_leave_their_result(
    fake_commands: Callable[[], list[str]], queue: JobQueue, runner: JobRunner
) -> None:
    queue.add(convert_request("a.mp4"))
    queue.add(convert_request("b.mp4"))
    wait_until(lambda: queue.job(2).has_ended)
    assert [state_of(queue, number) for number in (1, 2)] == [JobState.DONE, JobState.DONE]
    assert fake_commands() == [
        "convert clip.mp4 --out a.mp4 --json",
        "convert clip.mp4 --out b.mp4 --json",
    ]
    assert queue.job(1).result["frames"] == 75
    assert Path("a.mp4").exists()


@pytest.mark.process
def test_a_log_is_flushed_before_its_job_is_done(
    fake_commands: Callable[[], list[str]],
    queue: JobQueue,
    runner: JobRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A power failure leaves no job that is done and has lost its log."""
    flushed = []
    monkeypatch.setattr(
        step_process,
        "flush_to_disk",
        lambda path: flushed.append((path.name, state_of(queue, 1))),
    )
    Path("fail.txt").write_text("a.mp4")
    queue.add(convert_request("a.mp4"))
    wait_until(lambda: queue.job(1).has_ended)
    assert flushed == [("log.txt", JobState.RUNNING)]


@pytest.mark.process
def test_a_failed_job_keeps_the_sentence_and_the_next_one_runs(
    fake_commands: Callable[[], list[str]], queue: JobQueue, runner: JobRunner
) -> None:
    Path("fail.txt").write_text("a.mp4")
    queue.add(convert_request("a.mp4"))
    queue.add(convert_request("b.mp4"))
    wait_until(lambda: queue.job(2).has_ended)
    failed = queue.job(1)
    assert (failed.state, failed.sentence, failed.exit_code) == (
        JobState.FAILED,
        "it does not work.",
        6,
    )
    assert state_of(queue, 2) is JobState.DONE


@pytest.mark.process
def test_a_stopped_job_is_not_done_and_resumes(
    fake_commands: Callable[[], list[str]], queue: JobQueue, runner: JobRunner
) -> None:
    Path("wait.txt").write_text("a.mp4")
    queue.add(convert_request("a.mp4"))
    wait_until(lambda: queue.progress(1) is not None and len(fake_commands()) == 1)
    runner.stop(1)
    wait_until(lambda: queue.job(1).has_ended)
    assert state_of(queue, 1) is JobState.STOPPED
    assert not Path("a.mp4").exists()
    Path("wait.txt").unlink()
    queue.restart(1)
    wait_until(lambda: queue.job(1).has_ended)
    assert state_of(queue, 1) is JobState.DONE
    assert "--resume" in fake_commands()[-1]
    assert queue.job(1).starts == 2


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "waitid"), reason="the system tells no usage")
def test_a_job_keeps_what_all_its_starts_have_used(
    fake_commands: Callable[[], list[str]], queue: JobQueue, runner: JobRunner
) -> None:
    Path("fail.txt").write_text("a.mp4")
    queue.add(convert_request("a.mp4"))
    wait_until(lambda: queue.job(1).has_ended)
    first = queue.job(1)
    assert first.processor_seconds > 0
    assert first.memory_bytes > 0
    Path("fail.txt").unlink()
    queue.restart(1)
    wait_until(lambda: queue.job(1).state is JobState.DONE)
    again = queue.job(1)
    assert again.processor_seconds > first.processor_seconds
    assert again.memory_bytes >= first.memory_bytes


@pytest.mark.process
def test_a_second_stop_sends_no_second_signal(
    fake_commands: Callable[[], list[str]],
    queue: JobQueue,
    runner: JobRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("wait.txt").write_text("a.mp4")
    queue.add(convert_request("a.mp4"))
    wait_until(lambda: fake_commands() and queue.job(1).child)
    sent: list[int] = []
    send = subprocess.Popen.send_signal
    monkeypatch.setattr(subprocess.Popen, "send_signal", lambda _, number: sent.append(number))
    runner.stop(1)
    runner.stop(1)
    assert runner.is_stopping(1)
    assert sent == [signal.SIGINT]
    monkeypatch.setattr(subprocess.Popen, "send_signal", send)
    child = queue.job(1).child
    assert child is not None
    os.kill(child.pid, signal.SIGINT)
    wait_until(lambda: queue.job(1).has_ended)
    assert state_of(queue, 1) is JobState.STOPPED
    assert not runner.is_stopping(1)


@pytest.mark.process
def test_the_queue_goes_on_after_a_job_that_cannot_be_run(
    fake_commands: Callable[[], list[str]],
    queue: JobQueue,
    runner: JobRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step_process, "PROGRAM", ("/missing/program",))
    queue.add(convert_request("a.mp4"))
    wait_until(lambda: queue.job(1).has_ended)
    assert state_of(queue, 1) is JobState.FAILED
    assert "/missing/program" in queue.job(1).sentence
    monkeypatch.undo()
    queue.add(JobRequest(title="Version", arguments=("--version",)))
    wait_until(lambda: queue.job(2).has_ended)


@pytest.mark.process
def test_a_full_disk_ends_a_job_and_not_the_queue(
    fake_commands: Callable[[], list[str]],
    queue: JobQueue,
    runner: JobRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write_job(_: JobStore, job: Job) -> None:
        if job.number == 1 and job.has_ended:
            raise PartlyDone("The disk is full.")

    runner.set_paused(True)
    queue.add(convert_request("a.mp4"))
    queue.add(convert_request("b.mp4"))
    monkeypatch.setattr(JobStore, "write_job", write_job)
    runner.set_paused(False)
    wait_until(lambda: queue.job(2).has_ended)
    assert state_of(queue, 1) is JobState.DONE


@pytest.mark.process
def test_jobs_of_a_folder_from_elsewhere_wait_for_the_user(
    fake_commands: Callable[[], list[str]], tmp_path: Path
) -> None:
    StudioProject.open(tmp_path / "project")
    JobQueue(tmp_path / "project/jobs").add(convert_request("a.mp4"))
    for _ in range(2):
        with serve_studio(tmp_path / "project") as server:
            assert server.studio.runner.is_paused
    with serve_studio(tmp_path / "project") as server:
        server.post("/jobs/pause", paused=False)
        wait_until(lambda: server.studio.jobs.job(1).has_ended)
        server.studio.runner.set_paused(True)
        server.studio.jobs.add(convert_request("b.mp4"))
    with serve_studio(tmp_path / "project") as server:
        assert not server.studio.runner.is_paused
        wait_until(lambda: server.studio.jobs.job(2).has_ended)


@pytest.mark.parametrize("name", ["log.txt", "job.json"])
def test_a_job_that_cannot_be_removed_stays(
    tmp_path: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    queue.add(convert_request("a.mp4"))
    queue.stop_waiting(1)
    queue.log_path(1).write_text("stopped")
    unlink = os.unlink

    def refuse(path: os.PathLike[str], **options: int) -> None:
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with pytest.raises(UsageError, match="permission denied"):
            queue.remove(1)
    assert [job.number for job in JobQueue(tmp_path / "jobs").jobs()] == [1]
    queue.remove(1)
    assert JobQueue(tmp_path / "jobs").jobs() == ()


def test_a_waiting_job_can_be_stopped_moved_and_removed(queue: JobQueue) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        queue.add(convert_request(name))
    queue.move_before(3, 1)
    queue.move_before(1, None)
    assert [job.number for job in queue.jobs()] == [3, 2, 1]
    with pytest.raises(UsageError, match="stop it before"):
        queue.remove(2)
    assert queue.stop_waiting(2)
    queue.remove(2)
    assert [job.number for job in queue.jobs()] == [3, 1]


def test_done_jobs_are_removed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[list[int]] = []
    monkeypatch.setattr(JobStore, "write_order", lambda _, numbers: orders.append([*numbers]))
    with serve_studio(tmp_path / "project") as server:
        server.studio.runner.set_paused(True)
        jobs = server.studio.jobs
        for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4"):
            jobs.add(convert_request(name))
        for number, state in {1: JobState.DONE, 2: JobState.FAILED, 4: JobState.DONE}.items():
            jobs.end(number, {"state": state})
        answer = server.post("/jobs/remove-done")
        assert [job["number"] for job in answer.json["jobs"]] == [2, 3]
        folders = (tmp_path / "project/jobs").iterdir()
        assert sorted(path.name for path in folders) == ["2", "3"]
    assert orders == [[2, 3]]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda queue: queue.job(7), "There is no job 7"),
        (lambda queue: queue.remove(7), "There is no job 7"),
        (lambda queue: queue.move_before(1, 7), "There is no job 7"),
        (lambda queue: queue.restart(1), "is waiting"),
        (lambda queue: queue.add(convert_request("a.mp4")), "makes a.mp4 already"),
    ],
)
def test_what_cannot_be_done_is_refused(
    queue: JobQueue, act: Callable[[JobQueue], object], message: str
) -> None:
    queue.add(convert_request("a.mp4"))
    with pytest.raises(UsageError, match=message):
        act(queue)
    assert [job.number for job in queue.jobs()] == [1]


def test_the_queue_is_read_again_in_its_order(tmp_path: Path, queue: JobQueue) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        queue.add(convert_request(name))
    queue.move_before(3, 1)
    # The order lacks jobs that were added later, and may name one that was removed by hand.
    (tmp_path / "jobs/order.json").write_text('{"schema": 1, "numbers": [3, 1, 9]}')
    assert [job.number for job in JobQueue(tmp_path / "jobs").jobs()] == [3, 1, 2]


def test_an_added_job_is_the_last_one_after_a_restart_too(tmp_path: Path, queue: JobQueue) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        queue.add(convert_request(name))
    queue.move_before(3, 1)
    assert queue.stop_waiting(2)
    queue.remove(2)
    queue.add(convert_request("b.mp4"))
    assert [job.number for job in queue.jobs()] == [3, 1, 4]
    assert [job.number for job in JobQueue(tmp_path / "jobs").jobs()] == [3, 1, 4]


def test_an_addition_writes_no_list_of_all_jobs(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(JobStore, "write_order")
    queue.add(convert_request("a.mp4"))


def test_an_artifact_can_be_made_again_when_its_job_has_ended(
    tmp_path: Path, queue: JobQueue
) -> None:
    queue.add(convert_request("a.mp4"))
    read_again = JobQueue(tmp_path / "jobs")
    with pytest.raises(UsageError, match=r"Job 1 \(Convert a.mp4\) makes a.mp4 already"):
        read_again.add(convert_request("a.mp4"))
    assert read_again.stop_waiting(1)
    assert read_again.add(convert_request("a.mp4")).number == 2
    with pytest.raises(UsageError, match=r"Job 2 \(Convert a.mp4\) makes a.mp4 already"):
        read_again.restart(1)
    assert read_again.stop_waiting(2)
    read_again.restart(1)


@pytest.mark.process
def test_no_job_starts_while_the_queue_is_paused(
    fake_commands: Callable[[], list[str]], queue: JobQueue, runner: JobRunner
) -> None:
    runner.set_paused(True)
    queue.add(convert_request("a.mp4"))
    with pytest.raises(AssertionError):
        wait_until(fake_commands, seconds=1)
    runner.set_paused(False)
    wait_until(lambda: queue.job(1).has_ended)


@pytest.mark.process
def test_a_running_job_waits_again_when_the_studio_ends(
    tmp_path: Path, fake_commands: Callable[[], list[str]], queue: JobQueue
) -> None:
    Path("wait.txt").write_text("a.mp4")
    runner = JobRunner(queue)
    runner.start()
    queue.add(convert_request("a.mp4"))
    wait_until(fake_commands)
    runner.close()
    assert state_of(JobQueue(tmp_path / "jobs"), 1) is JobState.WAITING


@pytest.mark.process
def test_a_job_of_a_killed_studio_is_ended_and_runs_again(
    tmp_path: Path, fake_commands: Callable[[], list[str]], queue: JobQueue
) -> None:
    # The resumed command has --resume between the two.
    Path("wait.txt").write_text("a.mp4 --json")
    job = queue.add(convert_request("a.mp4"))
    child = subprocess.Popen([*step_process.PROGRAM, *job.command(), "--json"])
    wait_until(fake_commands)
    left = {"state": JobState.RUNNING, "starts": 1, "child": child_record(child.pid)}
    queue.update(1, lambda now: now.model_copy(update=left))
    restarted = JobQueue(tmp_path / "jobs")
    runner = JobRunner(restarted)
    runner.start()
    wait_until(lambda: restarted.job(1).has_ended)
    runner.close()
    assert child.poll() is not None
    assert state_of(restarted, 1) is JobState.DONE
    assert "--resume" in fake_commands()[-1]
