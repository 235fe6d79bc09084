"""Run a graph on preallocated device buffers (onnxruntime's IO binding)."""

import numpy as np
import onnxruntime as ort

from faceloom.array_types import RgbBatch
from faceloom.swap.bundle.manifest import GraphRow

# Batch sizes with buffers; a smaller batch is padded to the next one. A GPU provider plans again
# for every batch size that it has not run yet.
BATCH_SIZES = (1, 4, 16, 64)
# The device of each provider's memory, by onnxruntime's names.
DEVICES = {"cuda": "cuda", "tensorrt": "cuda"}


class BoundSession:
    """A session whose inputs and outputs are bound once for each batch size."""

    def __init__(self, session: ort.InferenceSession, graph: GraphRow, device: str):
        """Prepare a session; buffers are allocated at the first batch of each size.

        Args:
            session: The opened session.
            graph: Names and shapes of its tensors.
            device: onnxruntime's name of the device, such as "cuda".
        """
        self._session, self._graph, self._device = session, graph, device
        self._buffers: dict[int, _Buffers] = {}

    def run(self, crops: RgbBatch) -> tuple[RgbBatch, np.ndarray]:
        """Run the graph on a batch.

        Args:
            crops: Aligned crops, [n, size, size, 3], n > 0.

        Returns:
            Faces [n, size, size, 3] and masks [n, size, size, 1], uint8.
        """
        step = BATCH_SIZES[-1]
        parts = [self._run(crops[start : start + step]) for start in range(0, len(crops), step)]
        faces, masks = zip(*parts, strict=True)
        return np.concatenate(faces), np.concatenate(masks)

    def _run(self, crops: RgbBatch) -> tuple[RgbBatch, np.ndarray]:
        size = next(size for size in BATCH_SIZES if size >= len(crops))
        if size not in self._buffers:
            self._buffers[size] = _Buffers(self._session, self._graph, self._device, size)
        return self._buffers[size].run(self._session, crops)


class _Buffers:
    """The input and output buffers of one batch size."""

    def __init__(self, session: ort.InferenceSession, graph: GraphRow, device: str, size: int):
        tensors = (graph.face, graph.swapped, graph.mask)
        face_shape, *output_shapes = [(size, *tensor.shape[1:]) for tensor in tensors]
        self._padded = np.zeros(face_shape, np.uint8)
        self._face = ort.OrtValue.ortvalue_from_numpy(self._padded, device, 0)
        self._outputs = [
            ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, device, 0)
            for shape in output_shapes
        ]
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(graph.face.name, self._face)
        for tensor, value in zip((graph.swapped, graph.mask), self._outputs, strict=True):
            self._binding.bind_ortvalue_output(tensor.name, value)

    def run(self, session: ort.InferenceSession, crops: RgbBatch) -> tuple[RgbBatch, np.ndarray]:
        self._padded[: len(crops)] = crops
        self._face.update_inplace(self._padded)
        session.run_with_iobinding(self._binding)
        # Copied, since the next batch overwrites the buffers.
        faces, masks = (np.array(value.numpy()[: len(crops)]) for value in self._outputs)
        return faces, masks
