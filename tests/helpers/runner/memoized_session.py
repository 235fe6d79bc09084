"""Compute each result of an onnxruntime session once in a test process."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from threading import Lock
from typing import TypeAlias

import numpy as np
import onnxruntime as ort

# Names of outputs (None: all) and inputs by name, to the outputs.
Run: TypeAlias = Callable[[Sequence[str] | None, Mapping[str, np.ndarray]], list[np.ndarray]]

# Bytes of results that each session keeps.
CAPACITY = 200_000_000


def memoize(session: ort.InferenceSession) -> ort.InferenceSession:
    """Make a session return copies of earlier results when inputs are repeated.

    Many tests read the same pictures, and the same inputs give the same results.
    """
    session.run = _MemoizedRun(session.run)
    return session


class _MemoizedRun:
    """`run` of a session, which keeps the latest results."""

    def __init__(self, run: Run):
        self._run = run
        self._results: OrderedDict[bytes, list[np.ndarray]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __call__(
        self, outputs: Sequence[str] | None, inputs: Mapping[str, np.ndarray]
    ) -> list[np.ndarray]:
        key = _digest(outputs, inputs)
        with self._lock:
            results = self._results.get(key)
        if results is None:
            results = self._run(outputs, inputs)
            self._keep(key, results)
        return [result.copy() for result in results]

    def _keep(self, key: bytes, results: list[np.ndarray]) -> None:
        with self._lock:
            if key in self._results:
                return
            self._results[key] = results
            self._bytes += sum(result.nbytes for result in results)
            while self._bytes > CAPACITY:
                _, oldest = self._results.popitem(last=False)
                self._bytes -= sum(result.nbytes for result in oldest)


def _digest(outputs: Sequence[str] | None, inputs: Mapping[str, np.ndarray]) -> bytes:
    digest = blake2b(repr(outputs).encode(), digest_size=16)
    for name, value in sorted(inputs.items()):
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value))
    return digest.digest()
