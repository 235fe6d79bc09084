"""Run a graph on buffers that stay where they are: a GPU allocates and converts nothing between batches."""

import numpy as np
import onnxruntime as ort

from faceloom.array_types import RgbBatch
from faceloom.swap.bundle.manifest import GraphRow

# A batch is filled up to one of these: a GPU plans anew for every size that it has not seen.
SIZES = (1, 4, 16, 64)
# Where each provider's memory lies, by onnxruntime's names.
DEVICES = {"cuda": "cuda", "tensorrt": "cuda"}


class BoundGraph:
    """A session whose inputs and outputs are bound once for each size of a batch."""

    def __init__(self, session: ort.InferenceSession, graph: GraphRow, device: str):
        self._session, self._graph, self._device = session, graph, device
        self._bound: dict[int, _Buffers] = {}

    def run(self, crops: RgbBatch) -> tuple[RgbBatch, np.ndarray]:
        """Return the faces and masks of crops [n, s, s, 3], n > 0."""
        parts = [self._run(crops[at : at + SIZES[-1]]) for at in range(0, len(crops), SIZES[-1])]
        faces, masks = zip(*parts, strict=True)
        return np.concatenate(faces), np.concatenate(masks)

    def _run(self, crops: RgbBatch) -> tuple[RgbBatch, np.ndarray]:
        size = next(size for size in SIZES if size >= len(crops))
        if size not in self._bound:
            self._bound[size] = _Buffers(self._session, self._graph, self._device, size)
        return self._bound[size].run(self._session, crops)


class _Buffers:
    def __init__(self, session: ort.InferenceSession, graph: GraphRow, device: str, size: int):
        shapes = [(size, *tensor.shape[1:]) for tensor in (graph.face, graph.swapped, graph.mask)]
        self._filled = np.zeros(shapes[0], np.uint8)
        self._face = ort.OrtValue.ortvalue_from_numpy(self._filled, device, 0)
        self._outputs = [
            ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, device, 0)
            for shape in shapes[1:]
        ]
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(graph.face.name, self._face)
        for tensor, value in zip((graph.swapped, graph.mask), self._outputs, strict=True):
            self._binding.bind_ortvalue_output(tensor.name, value)

    def run(self, session: ort.InferenceSession, crops: RgbBatch) -> tuple[RgbBatch, np.ndarray]:
        self._filled[: len(crops)] = crops
        self._face.update_inplace(self._filled)
        session.run_with_iobinding(self._binding)
        # Copied: the next batch is written to the same place.
        faces, masks = (np.array(value.numpy()[: len(crops)]) for value in self._outputs)
        return faces, masks
