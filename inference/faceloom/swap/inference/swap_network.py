"""A bundle's network, ready to swap faces."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from faceloom.array_types import RgbBatch
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.mask import hide_background
from faceloom.safe_read import refused_as
from faceloom.swap.bundle.bundle import Bundle, Golden
from faceloom.swap.bundle.manifest import BlendRow, GraphRow, Precision, TensorRow, ToleranceRow
from faceloom.swap.bundle.output_difference import Difference, difference_of
from faceloom.swap.inference.graph_selection import choose_graph
from faceloom.swap.inference.io_binding import DEVICES, BoundGraph
from faceloom.swap.inference.providers import computes_in_bfloat16, open_graph_of, provider_name
from faceloom.swap.sources.face_source import AlignedFaces, Swapped

# Of four networks at most 11 levels were seen (with a template that moves), 0.14 in the mean.
_BFLOAT16 = ToleranceRow(levels=4, share_within=0.999, mean_difference=0.3)


class SwapNetwork:
    """Runs batches of aligned crops through a bundle's graph. A `FaceSource`."""

    def __init__(self, session: ort.InferenceSession, bundle: Bundle, graph: GraphRow):
        self._session = session
        self._graph = graph
        self._hides_background = bundle.manifest.hide_background
        self.crop: CropGeometry = bundle.manifest.crop
        self.blend: BlendRow = bundle.manifest.blend
        self.provider = provider_name(session)
        self.precision: Precision = graph.precision
        device = DEVICES.get(self.provider)
        self._bound = BoundGraph(session, graph, device) if device else None

    @classmethod
    def open(cls, bundle: Bundle, provider: str = "auto", precision: str = "auto") -> "SwapNetwork":
        """Open the graph of a bundle that suits the provider best, or the one of `precision`.

        Raises UsageError if the bundle has no such precision, ProviderMissing if `provider` does not run
        here, ArtifactRefused if the graph is not what the manifest says.
        """

        def graph_on(name: str) -> GraphRow:
            return choose_graph(bundle.manifest.graphs, name, precision)

        def file_on(name: str) -> tuple[Path, bytes]:
            row = graph_on(name)
            return bundle.path / row.file, bundle.read_file(row)

        session = open_graph_of(file_on, provider)
        graph = graph_on(provider_name(session))
        _check_graph(session, bundle, graph)
        return cls(session, bundle, graph)

    def swap(self, crops: RgbBatch) -> Swapped:
        """Swap aligned faces, `crop.size` pixels square; an empty batch gives an empty result."""
        if not len(crops):
            return Swapped(crops, crops[..., 0])
        if self._bound:
            faces, masks = self._bound.run(crops)
        else:
            names = [self._graph.swapped.name, self._graph.mask.name]
            faces, masks = self._session.run(names, {self._graph.face.name: crops})
        return Swapped(faces, masks[..., 0])

    def swap_aligned(self, targets: AlignedFaces) -> Swapped:
        """Swap a target's faces, shown as in training."""
        return self.swap(self.shown(targets))

    def shown(self, targets: AlignedFaces) -> RgbBatch:
        """Return what the network is shown of a target's faces: their whole crops, or only the faces in them."""
        crops = targets.crops
        if self._hides_background and len(targets):
            crops = np.stack(
                [hide_background(*pair) for pair in zip(crops, targets.outlines, strict=True)]
            )
        return crops

    def replay(self, golden: Golden) -> Difference:
        """Return how far this network is from what the trained model made of the golden sample."""
        swapped = self.swap(golden.faces)
        return difference_of(swapped.faces, swapped.masks, golden.swapped, golden.masks)

    @property
    def tolerance(self) -> ToleranceRow:
        """How far `replay` may be off: what the manifest says, and no less than bfloat16 is where that is computed."""
        asked = self._graph.tolerance
        if not computes_in_bfloat16(self.provider):
            return asked
        return ToleranceRow(
            levels=max(asked.levels, _BFLOAT16.levels),
            share_within=min(asked.share_within, _BFLOAT16.share_within),
            mean_difference=max(asked.mean_difference, _BFLOAT16.mean_difference),
        )


def _check_graph(session: ort.InferenceSession, bundle: Bundle, graph: GraphRow) -> None:
    """Hold the graph against the manifest, before anything runs."""
    size, path = bundle.manifest.crop.size, bundle.path / graph.file
    for tensor, channels in ((graph.face, 3), (graph.swapped, 3), (graph.mask, 1)):
        if tensor.shape != ("batch", size, size, channels):
            raise ArtifactRefused(
                f"{path}: the manifest's {tensor.name} does not fit its crop of {size} pixels."
            )
    with refused_as(f"{path} holds names that are no text", (UnicodeDecodeError,)):
        found = [_describe(node) for node in (*session.get_inputs(), *session.get_outputs())]
    expected = [_expected(tensor) for tensor in _tensors(graph)]
    if sorted(found) != sorted(expected):
        raise ArtifactRefused(
            f"{path} does not match its manifest: it has {', '.join(found)} and should have {', '.join(expected)}; "
            "export the bundle again."
        )


def _tensors(graph: GraphRow) -> tuple[TensorRow, ...]:
    return graph.face, graph.swapped, graph.mask


def _expected(tensor: TensorRow) -> str:
    return f"{tensor.name} {tensor.dtype}{[None, *tensor.shape[1:]]}"


def _describe(node: ort.NodeArg) -> str:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return f"{node.name} {dtype}{[size if isinstance(size, int) else None for size in node.shape]}"
