"""Several processes of this machine write the same bytes as one."""

import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import psutil
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.array_types import Rgb
from faceloom.errors import ArtifactRefused, FaceloomError, MediaUnreadable, NoFaceFound, PartlyDone
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import ConvertOptions, convert
from faceloom.swap.pipeline.analysis import AnalysisState, SegmentGrid
from faceloom.swap.pipeline.resume_key import resume_folder
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.pipeline.target import Target
from faceloom.swap.pipeline.workers import local_executor, segment_tasks, worker_main
from faceloom.swap.pipeline.workers.segment_tasks import SegmentTask, SegmentWorker, WorkerSpec
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.video import Frame, FrameRange

pytestmark = pytest.mark.process

# Without C2PA, whose signatures differ each time, and without face parsing, which takes time.
OPTIONS = ConvertOptions(
    batch_size=3,
    segment_length=12,
    color="lab",
    mask="both",
    on_missing="last",
    frame_range=FrameRange.parse("2:"),
    marking=MarkSettings("tags"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, pictures: list[Rgb]) -> Path:
    """The pictures with sound."""
    return make_clip(tmp_path_factory.mktemp("clips") / "c.mp4", pictures, audio_seconds=2.0)


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory, clip: Path, bundle: Path) -> bytes:
    out = tmp_path_factory.mktemp("one") / "out.mp4"
    run_to_completion(convert(clip, bundle, out, replace(OPTIONS, workers=1)))
    return out.read_bytes()


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    module = "faceloom.swap.pipeline.workers.worker_main"
    return [child for child in process.children() if module in child.cmdline()]


def first_frames_then_error(
    monkeypatch: pytest.MonkeyPatch, frames: int, error: FaceloomError
) -> None:
    """Let reading fail in this process, after some frames."""

    read = Target.read

    def fails(target: Target, state: AnalysisState | None = None) -> Iterator[Frame]:
        yield from islice(read(target, state), frames)
        raise error

    monkeypatch.setattr(Target, "read", fails)


@pytest.mark.parametrize("workers", [pytest.param(2, marks=pytest.mark.exhaustive), 3])
def test_any_number_of_processes_writes_the_same_bytes(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    one_process: bytes,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A segment of a few frames takes less than the usual interval.
    monkeypatch.setattr(segment_tasks, "_POLL_SECONDS", 0.002)
    out, reports = tmp_path / "out.mp4", []
    work = convert(clip, bundle, out, replace(OPTIONS, workers=workers))
    summary = run_to_completion(work, lambda progress: reports.append(progress.done))
    assert out.read_bytes() == one_process
    assert (summary.frames, summary.swapped_frames) == (48, 43)
    assert reports == sorted(reports)
    assert reports[-1] == 48
    # Batches are reported, not only segments.
    assert any(done % 12 for done in reports)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert not workers_of(psutil.Process())


# Without a guard of the main script, as in the documented example.
PROGRAM = """
import sys
from pathlib import Path
from tests.inference.swap.pipeline.workers.test_local_executor import OPTIONS
from dataclasses import replace
from faceloom.progress import run_to_completion
from faceloom.swap import convert
target, bundle, out = map(Path, sys.argv[1:])
run_to_completion(convert(target, bundle, out, replace(OPTIONS, workers=2)))
"""


@pytest.mark.parametrize(
    "sent", [pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive), signal.SIGKILL]
)
def test_an_ended_process_leaves_no_child_and_can_be_resumed(
    tmp_path: Path, clip: Path, bundle: Path, one_process: bytes, sent: signal.Signals
) -> None:
    script, out = tmp_path / "script.py", tmp_path / "out" / "out.mp4"
    script.write_text(PROGRAM)
    arguments = [sys.executable, str(script), str(clip), str(bundle), str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        arguments, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        parent = psutil.Process(process.pid)
        while process.poll() is None and not (resume_folder(out) / "000000.json").exists():
            time.sleep(0.005)
        workers = workers_of(parent)
        # As a terminal does: to the whole group of processes.
        os.killpg(process.pid, sent)
        process.wait(30)
    assert process.returncode != 0
    assert workers
    assert not psutil.wait_procs(workers, timeout=10)[1]
    assert not out.exists()
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert summary.resumed_at in (12, 24, 36)
    assert out.read_bytes() == one_process
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]


def test_a_worker_that_is_killed_gives_one_sentence(
    tmp_path: Path, clip: Path, bundle: Path, one_process: bytes
) -> None:
    out = tmp_path / "out.mp4"
    work = convert(clip, bundle, out, replace(OPTIONS, workers=2))
    while next(work).done < 3:
        pass
    for worker in workers_of(psutil.Process()):
        worker.kill()
    with pytest.raises(PartlyDone, match=r"ended \(signal 9\).*--resume --workers 1\.$"):
        run_to_completion(work)
    assert not workers_of(psutil.Process())
    assert not out.exists()
    again = convert(clip, bundle, out, replace(OPTIONS, workers=1, resume=True))
    run_to_completion(again)
    assert out.read_bytes() == one_process


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            "import sys; sys.stderr.write('one\\nlibx264 is \\x1b[31mmissing.\\n'); sys.exit(3)",
            r"ended \(exit code 3\); its last message: libx264 is \\x1b\[31mmissing\. Run the",
        ),
        ("import sys; sys.exit(3)", r"ended \(exit code 3\), perhaps because the memory is full"),
        (
            "import os; os.write(2, b'ONNX.\\n'); os.kill(os.getpid(), 9)",
            r"\(signal 9\), perhaps because the memory is full; its last message: ONNX\. Run the",
        ),
    ],
)
def test_the_last_message_of_a_worker_is_shown(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    words: str,
) -> None:
    (tmp_path / "failing_worker.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(local_executor, "_MODULE", "failing_worker")
    work = convert(clip, bundle, tmp_path / "out.mp4", replace(OPTIONS, workers=2))
    with pytest.raises(PartlyDone, match=words):
        run_to_completion(work)


def test_the_error_of_a_worker_is_raised(tmp_path: Path, clip: Path) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    work = convert(clip, bundle, tmp_path / "out.mp4", replace(OPTIONS, workers=2))
    # The first report comes before a child is started, which then finds no graph.
    next(work)
    (bundle / "swap.onnx").unlink()
    with pytest.raises(ArtifactRefused, match=r"swap\.onnx"):
        run_to_completion(work)
    assert not workers_of(psutil.Process())
    assert [path.name for path in tmp_path.iterdir()] == ["ben.bundle"]


@pytest.mark.parametrize(
    ("error", "keep_partial", "resumed_at"),
    [
        (MediaUnreadable("The disk is unplugged."), True, 24),
        pytest.param(
            MediaUnreadable("The disk is unplugged."), False, None, marks=pytest.mark.exhaustive
        ),
        pytest.param(NoFaceFound("There is no face."), True, None, marks=pytest.mark.exhaustive),
    ],
)
def test_segments_before_an_unreadable_frame_are_finished(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    one_process: bytes,
    monkeypatch: pytest.MonkeyPatch,
    error: FaceloomError,
    keep_partial: bool,
    resumed_at: int | None,
) -> None:
    out = tmp_path / "out.mp4"
    options = replace(OPTIONS, workers=2, keep_partial=keep_partial)
    with monkeypatch.context() as patch:
        first_frames_then_error(patch, 30, error)
        with pytest.raises(type(error), match=str(error)):
            run_to_completion(convert(clip, bundle, out, options))
    assert not workers_of(psutil.Process())
    if resumed_at is None:
        assert list(tmp_path.iterdir()) == []
        return
    again = replace(options, workers=1, resume=True)
    resumed = run_to_completion(convert(clip, bundle, out, again))
    assert resumed.resumed_at == resumed_at
    assert out.read_bytes() == one_process


def test_a_segment_with_another_number_of_frames_is_refused(
    tmp_path: Path, clip: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, read = tmp_path / "out.mp4", Target.read_from
    target = Target.open(clip, out, OPTIONS)
    grid = SegmentGrid(target.frame_range.start, OPTIONS.segment_length)
    load = SwapSource.from_bundle(bundle, OPTIONS).load
    worker = SegmentWorker(WorkerSpec(load, target, OPTIONS, grid, batch_size=3, on_gpu=False))
    empty = tuple(
        FaceSelection(frame.index, frame.pts, (), (), shot_start=False)
        for frame in islice(target.read(), 12)
    )
    task = SegmentTask(target.frame_range.start, (), empty)
    assert worker.swap(task, tmp_path / "segment").frames == 12
    monkeypatch.setattr(Target, "read_from", lambda *place: islice(read(*place), 11))
    with pytest.raises(MediaUnreadable, match=r"12 frames from frame 2 on .* and 11 .*--workers 1"):
        worker.swap(task, tmp_path / "segment")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (av.error.InvalidDataError(1, "broken"), MediaUnreadable, r"clip\.mp4 cannot be read"),
        (NoFaceFound("no face"), NoFaceFound, "no face"),
        (OSError(28, "no space"), OSError, "no space"),
        (queue.Empty("private"), RuntimeError, "Empty: private"),
    ],
)
def test_a_worker_s_error_reaches_the_parent_with_its_sentence(
    error: Exception, kind: type[Exception], message: str
) -> None:
    sent = pickle.loads(pickle.dumps(worker_main._sendable(error, Path("clip.mp4"))))
    assert type(sent) is kind
    assert re.search(message, str(sent))
