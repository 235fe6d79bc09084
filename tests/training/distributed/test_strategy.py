"""Several devices and workers learn the same as one, end together, and report errors."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.helpers.runs import checkpoint_arrays, metrics_rows, simple_config, simple_run

import faceloom
from faceloom.errors import PartlyDone, UsageError
from faceloom_train.distributed.handshake import broadcast_config, receive_config
from faceloom_train.distributed.open_strategy import open_strategy
from faceloom_train.distributed.rendezvous import (
    greeting_server,
    parse_worker_addresses,
    rendezvous,
)
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.loop.callbacks import StepCallback
from faceloom_train.loop.recovery import check_worker_error
from faceloom_train.loop.trainer import train
from faceloom_train.loop.worker import local_face_sets
from faceloom_train.model.train_step import STEP_OUTPUTS
from faceloom_train.runs.checkpoint import list_checkpoints
from faceloom_train.runs.run_directory import Run

pytestmark = [pytest.mark.training, pytest.mark.process]

# Gradient clipping and weight decay must follow the mean over devices.
LEARNING = {
    "batch_size": 4,
    "optimizer": {"global_clipnorm": 0.5, "weight_decay": 0.01},
    "checkpoint_every": 1000,
}

TWO_DEVICES = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from faceloom.cli.app import main
sys.argv = ["faceloom", "train", "--devices", "all", *sys.argv[1:]]
main()
"""


def losses(run: Path, count: int) -> list[float]:
    logged = metrics_rows(Run.read(run))[:count]
    assert [row["step"] for row in logged] == list(range(1, count + 1))
    return [row["loss"] for row in logged]


def options(folder: Path, facesets: dict[str, Path], **changes: object) -> list[str]:
    config = folder / "tiny.yaml"
    config.write_text(simple_config(**changes).model_dump_json())
    faces = [word for name, path in facesets.items() for word in ("--faces", f"{name}={path}")]
    return ["--config", str(config), *faces]


@pytest.mark.exhaustive
def test_two_devices_learn_the_same_as_one(tmp_path: Path, facesets: dict[str, Path]) -> None:
    """With micro-batches, and the loss scaling of float16, which skips a step on all devices."""
    changes = {
        **LEARNING,
        "steps": 4,
        "batch_size": 4,
        "micro_batch_size": 1,
        "precision": "mixed_float16",
    }
    command = [*options(tmp_path, facesets, **changes), "--run", str(tmp_path / "two")]
    script = [sys.executable, "-c", TWO_DEVICES, *command]
    done = subprocess.run(script, check=True, stderr=subprocess.PIPE, text=True, timeout=200)
    assert "micro-batch of 1 faces of each identity" in done.stderr
    one = simple_run(tmp_path / "one", facesets, **changes)
    train(one)
    np.testing.assert_allclose(losses(tmp_path / "two", 4), losses(tmp_path / "one", 4), rtol=2e-3)
    assert_similar(Run.read(tmp_path / "two"), one, 5e-3)


@contextmanager
def two_workers(
    folder: Path, facesets: dict[str, Path], **changes: object
) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    """Start two workers on free ports; kill them if they do not end."""
    addresses = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    command = [
        sys.executable,
        "-m",
        "faceloom",
        "train",
        *options(folder, facesets, **changes),
        "--workers",
        addresses,
    ]
    with ExitStack() as stack:
        started = []
        # Only the first worker writes the run: the folder that the second names must not appear.
        for number, run in enumerate(("run", "unused")):
            place = ["--worker", str(number), "--run", str(folder / run)]
            process = subprocess.Popen(
                [*command, *place], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            started.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield started[0], started[1]


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in taken]


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + 150
    while not what():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_two_workers_learn_the_same_as_one_and_end_together(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    changes = {**LEARNING, "steps": 1_000_000}
    run = tmp_path / "run"
    with two_workers(tmp_path, facesets, **changes) as (first, second):
        wait_for(lambda: Run.exists(run) and len(Run.read(run).read_metrics()) > 6, first)
        second.send_signal(signal.SIGINT)
        assert "the same command continues it" in first.communicate(timeout=60)[0]
        message = second.communicate(timeout=60)[1]
    assert (first.returncode, second.returncode) == (0, 130), message
    last = metrics_rows(Run.read(run))[-1]["step"]
    assert f"Stopped at step {last}" in message
    assert [path.name for path in list_checkpoints(Run.read(run))] == [f"step-{last:08d}"]
    assert not (tmp_path / "unused").exists()
    one, answers = simple_run(tmp_path / "one", facesets, **changes), iter([False] * 5 + [True])
    train(one, stop_requested=lambda: next(answers))
    np.testing.assert_allclose(losses(run, 6), losses(tmp_path / "one", 6), rtol=1e-4)


@pytest.mark.exhaustive
def test_a_lost_worker_ends_the_others(tmp_path: Path, facesets: dict[str, Path]) -> None:
    with two_workers(tmp_path, facesets, steps=1_000_000) as (first, second):
        run = tmp_path / "run"
        wait_for(lambda: Run.exists(run) and bool(list_checkpoints(Run.read(run))), first)
        second.kill()
        message = first.communicate(timeout=60)[1]
        assert first.returncode == 8, message
    assert "Another worker has stopped or does not answer" in message


class TwoInOne(DeviceStrategy):
    """Two workers in one process: the second receives what the first sent."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.sent, self.rejected = "", False

    @property
    def any_worker(self) -> Callable[[bool], bool]:
        return self._any_worker

    def _any_worker(self, value: bool) -> bool:
        self.rejected |= value
        return self.rejected

    def broadcast(self, text: str) -> str:
        self.sent = text or self.sent
        return self.sent


def test_a_worker_receives_the_settings(facesets: dict[str, Path]) -> None:
    strategy = TwoInOne()
    broadcast_config(strategy, simple_config(steps=77), facesets)
    assert receive_config(strategy, facesets).settings == simple_config(steps=77)
    assert not strategy.rejected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"ada": "ben", "ben": "ada"}, "ben is not the face set that the first worker has of ada"),
        (
            {"ben": "ben", "ada": "ada"},
            "The first worker trains ada, ben, this one has the faces of ben, ada",
        ),
    ],
    ids=["other faces", "another order"],
)
def test_a_worker_with_other_faces_is_refused(
    facesets: dict[str, Path], names: dict[str, str], message: str
) -> None:
    strategy = TwoInOne()
    broadcast_config(strategy, simple_config(), facesets)
    with pytest.raises(UsageError, match=message):
        receive_config(strategy, {name: facesets[of] for name, of in names.items()})
    # The second worker refused, so the first one does, too.
    with pytest.raises(UsageError, match="Another worker cannot join"):
        broadcast_config(strategy, simple_config(), facesets)


def test_a_worker_with_another_version_is_refused(
    facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = TwoInOne()
    broadcast_config(strategy, simple_config(), facesets)
    monkeypatch.setattr(faceloom, "__version__", "0.0.0")
    with pytest.raises(UsageError, match=r"The first worker has Faceloom .*, this one 0\.0\.0"):
        receive_config(strategy, facesets)


def test_a_worker_needs_its_own_copy_of_the_faces(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    with pytest.raises(UsageError, match=r"unused is not a run on this machine"):
        local_face_sets(tmp_path / "unused", {})
    shared = simple_run(tmp_path / "shared", facesets)
    assert local_face_sets(shared.directory, {}) == facesets
    assert local_face_sets(tmp_path / "unused", facesets) == facesets


class LastWorker(DeviceStrategy):
    """The last of two workers."""

    def is_worker_lost(self, error: BaseException) -> bool:
        return isinstance(error, ConnectionError)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError(), "Another worker has stopped"),
        (MemoryError(), r"Out of memory on worker 1 with 8 faces .*--set micro_batch_size=4"),
    ],
)
def test_workers_end_where_one_process_would_recover(error: Exception, message: str) -> None:
    with pytest.raises(PartlyDone, match=message):
        check_worker_error(error, LastWorker(2, 2, 1), 8)
    check_worker_error(error, DeviceStrategy(), 8)
    check_worker_error(ValueError(), LastWorker(2, 2, 1), 8)


def test_a_worker_that_ends_the_run_asks_the_others_in_the_next_step() -> None:
    """A hook ends the run after step 2; all workers end it after step 3, with the last hooks."""
    model = SimpleNamespace(stop_training=False, loss_trackers={"loss": None})
    observed, votes = [], []

    class EndAfterTwo:
        def is_due(self, number: int) -> bool:
            return number == 2

        def after_step(self, model: Any, number: int, *, due: bool) -> None:
            model.stop_training = model.stop_training or due

    class Recorder:
        def is_due(self, number: int) -> bool:
            return True

        def after_step(self, model: Any, number: int, *, due: bool) -> None:
            observed.append((number, model.stop_training))

    def any_worker(value: bool) -> bool:
        votes.append(value)
        return value

    callback = StepCallback(0, 0, [], [Recorder(), EndAfterTwo()], any_worker)
    callback.set_model(model)
    ends = []
    for batch in range(3):
        callback.on_train_batch_end(batch, {STEP_OUTPUTS: np.array([1, batch + 1, 0.1])})
        ends.append(model.stop_training)
    assert votes == [False, False, True]
    assert ends == [False, False, True]
    assert observed == [(1, False), (2, False), (3, True)]


def test_a_batch_that_devices_cannot_share_is_refused(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = simple_run(tmp_path / "run", facesets, batch_size=4)
    with pytest.raises(
        UsageError, match=r"4 faces of each identity cannot be divided equally among 3 devices"
    ):
        train(run, strategy=DeviceStrategy(device_count=3))
    assert not run.metrics_path.exists()


@pytest.mark.parametrize(
    ("workers", "number", "message"),
    [
        ("one:1", 0, "two addresses or more"),
        ("one:1,one:1", 0, "only once"),
        ("one:1,two", 0, "'two' is not an address"),
        ("one:1,two:65536", 0, "'two:65536' is not an address"),
        ("one:1,two:2", None, "from 0 to 1"),
        ("one:1,two:2", 2, "from 0 to 1"),
        (None, 0, "pass --workers too"),
    ],
)
def test_invalid_workers_are_refused(workers: str | None, number: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_strategy("1", workers, number)


@pytest.mark.parametrize(
    ("devices", "message"), [("0", "from 1"), ("two", "from 1"), ("99", "finds only 1")]
)
def test_unavailable_devices_are_refused(devices: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_strategy(devices)


def test_all_selects_the_only_device() -> None:
    assert open_strategy("all").device_count == 1


def test_workers_that_do_not_answer_are_named() -> None:
    own, other = free_ports(2)
    addresses, _ = parse_worker_addresses(f"127.0.0.1:{own},127.0.0.1:{other}", 0)
    message: list[str] = []
    with pytest.raises(UsageError, match=f"No worker answers at 127.0.0.1:{other}"):
        rendezvous(addresses, 0, lambda progress: message.append(progress.note), timeout=0)
    assert message == [f"waiting for 127.0.0.1:{other}"]
    with (
        socket.create_server(("", other)),
        pytest.raises(UsageError, match=f"port {other} of 127.0.0.1:{other} "),
    ):
        rendezvous(addresses, 1, lambda progress: None)


# The first bytes of TensorFlow's own server: an HTTP/2 SETTINGS frame.
SETTINGS = "\0\0\x18\4\0\0\0\0\0\0\4"


@pytest.mark.parametrize(
    "greeting", ["faceloom worker 1 of 2", SETTINGS], ids=["waiting", "TensorFlow"]
)
def test_a_worker_is_recognized_by_its_greeting(greeting: str) -> None:
    own, other = (f"127.0.0.1:{port}" for port in free_ports(2))
    message: list[str] = []
    with greeting_server(other, greeting):
        rendezvous(
            [own, other],
            0,
            lambda progress: message.append(f"{progress.done} of {progress.total}"),
            timeout=0,
        )
    assert message == ["2 of 2"]


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        ("SSH-2.0-OpenSSH_9.6", "is not a worker of faceloom train; choose a port"),
        ("faceloom worker 2 of 3", "not 'faceloom worker 1 of 2'; pass the same --workers"),
        ("", "No worker answers"),
    ],
)
def test_other_programs_are_not_mistaken_for_workers(greeting: str, message: str) -> None:
    own, other = (f"127.0.0.1:{port}" for port in free_ports(2))
    with greeting_server(other, greeting), pytest.raises(UsageError, match=message):
        rendezvous([own, other], 0, lambda _: None, timeout=0)


def assert_similar(one: Run, other: Run, relative: float) -> None:
    arrays, others = checkpoint_arrays(one), checkpoint_arrays(other)
    assert arrays.keys() == others.keys()
    for name, value in arrays.items():
        assert np.abs(others[name] - value).mean() <= relative * np.abs(value).mean() + 1e-7, name
