"""A file of weights that cannot be written is one error, without tracebacks of h5py."""

import errno
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.helpers.runs import simple_config

from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.hdf5_writing import save_model_weights

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def model() -> SwapModel:
    model = build_compiled_model(simple_config(), ["ada", "ben"])
    model.optimizer.build(model.trainable_variables)
    return model


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let every write of this process fail that makes a file longer than `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_failed_write_is_one_error(
    share: float, model: SwapModel, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.weights.h5"
    save_model_weights(model, path)
    size = path.stat().st_size
    with largest_file(int(share * size)), pytest.raises(OSError) as raised:  # noqa: PT011
        save_model_weights(model, path)
    assert raised.value.errno == errno.EFBIG
    assert capfd.readouterr().err == ""
