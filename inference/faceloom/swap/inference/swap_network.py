"""Run a bundle's network on aligned crops."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from faceloom.array_types import RgbBatch
from faceloom.choices import FaceMaskKind, Precision
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.mask import mask_background
from faceloom.onnx_session import first_line
from faceloom.safe_read import as_artifact_refused
from faceloom.swap.bundle.bundle import Bundle, GoldenSample
from faceloom.swap.bundle.manifest import BlendRow, GraphRow, TensorRow, ToleranceRow
from faceloom.swap.bundle.output_difference import OutputDifference, compare_outputs
from faceloom.swap.inference.graph_selection import choose_graph
from faceloom.swap.inference.io_binding import DEVICES, BoundSession
from faceloom.swap.inference.provider_trial import choose_fastest
from faceloom.swap.inference.providers import (
    computes_in_bfloat16,
    open_on_provider,
    open_session,
    session_provider,
)
from faceloom.swap.sources.face_source import CropBatch, Predictions

# Smallest tolerance where bfloat16 is computed. Four networks differed by at most 11 levels (one
# with warp layers) and by 0.14 in the mean.
_BFLOAT16_TOLERANCE = ToleranceRow(levels=4, min_share_within=0.999, max_mean_difference=0.3)


class SwapNetwork:
    """Predicts the source's faces with a graph of a bundle; a `FaceSource`."""

    def __init__(self, session: ort.InferenceSession, bundle: Bundle, graph: GraphRow):
        """Wrap an open session; use `SwapNetwork.open` for a session that is checked.

        Args:
            session: The session of `graph`.
            bundle: The bundle that contains it.
            graph: The graph's row in the manifest.
        """
        self._session = session
        self._graph = graph
        self._path = bundle.path / graph.file
        self._mask_background = bundle.manifest.mask_background
        self.crop: CropGeometry = bundle.manifest.crop
        """Size, coverage and template of the network's crops."""
        self.blend: BlendRow = bundle.manifest.blend
        """The blend settings that the bundle suggests."""
        self.provider = session_provider(session)
        """The provider that runs the graph, a key of `PROVIDERS`."""
        self.face_mask: FaceMaskKind = bundle.manifest.face_mask
        """How the network's masks are made."""
        self.precision: Precision = graph.precision
        """The precision of the graph."""
        device = DEVICES.get(self.provider)
        self._bound = BoundSession(session, graph, device) if device else None

    @classmethod
    def open(
        cls,
        bundle: Bundle,
        provider: str = "auto",
        precision: str = "auto",
        threads: int = 0,
        *,
        shared: bool = False,
    ) -> "SwapNetwork":
        """Open a bundle's graph.

        Args:
            bundle: The checked bundle.
            provider: A key of `PROVIDERS`, or "auto" for the fastest that runs here; see
                `choose_fastest`.
            precision: The graph's precision, or "auto" for the one that suits the provider best.
            threads: Threads inside an operator on the CPU; 0 means one for each core.
            shared: Whether several processes run the graph, see `provider_options`.

        Raises:
            UsageError: The bundle has no graph of that precision.
            ProviderMissing: The provider does not run here.
            ArtifactRefused: The graph's inputs and outputs differ from the manifest.
        """

        def open_on(name: str) -> "SwapNetwork":
            graph = choose_graph(bundle.manifest.graphs, name, precision)
            path, content = bundle.path / graph.file, bundle.read_file(graph)
            session = open_session(path, name, content, threads=threads, shared=shared)
            _check_graph(session, bundle, graph)
            return cls(session, bundle, graph)

        def choose(networks: Sequence[SwapNetwork]) -> SwapNetwork:
            return choose_fastest(networks, bundle.read_golden_sample())

        return open_on_provider(provider, open_on, choose)

    def swap(self, crops: RgbBatch) -> Predictions:
        """Predict the source's faces for crops in the form of the network's input.

        Args:
            crops: Crops, [n, size, size, 3]; n may be 0.

        Returns:
            n faces and masks.

        Raises:
            ArtifactRefused: The graph does not run, or its outputs have other shapes than those
                that it declares.
        """
        if not len(crops):
            return Predictions(crops, crops[..., 0])
        try:
            faces, masks = self._run(crops)
        except Exception as error:  # onnxruntime raises its own undocumented classes
            raise self._refused(f"does not run ({first_line(error)})") from error
        if faces.shape != crops.shape or masks.shape != (*crops.shape[:3], 1):
            raise self._refused(
                f"has outputs of {faces.shape} and {masks.shape} for an input of {crops.shape}"
            )
        return Predictions(faces, masks[..., 0])

    def _run(self, crops: RgbBatch) -> tuple[np.ndarray, np.ndarray]:
        if self._bound:
            return self._bound.run(crops)
        names = [self._graph.swapped.name, self._graph.mask.name]
        faces, masks = self._session.run(names, {self._graph.face.name: crops})
        return faces, masks

    def _refused(self, problem: str) -> ArtifactRefused:
        return ArtifactRefused(
            f"{self._path} {problem} on the {self.provider} provider; try another --provider, or "
            "export the bundle again."
        )

    def predict(self, targets: CropBatch) -> Predictions:
        """Predict the source's faces for a target's faces, prepared as in training.

        Args:
            targets: The target's crops with their face masks.

        Returns:
            One face and mask for each crop.
        """
        return self.swap(self.network_input(targets))

    def network_input(self, targets: CropBatch) -> RgbBatch:
        """Return the network's input: the crops, with a gray background if it was trained so.

        Args:
            targets: The target's crops with their face masks.
        """
        crops = targets.crops
        if self._mask_background and len(targets):
            crops = np.stack(
                [mask_background(*pair) for pair in zip(crops, targets.face_masks, strict=True)]
            )
        return crops

    def replay(self, golden: GoldenSample) -> OutputDifference:
        """Run the golden sample and compare the result with the trained model's outputs.

        Args:
            golden: The bundle's golden sample.
        """
        outputs = self.swap(golden.faces)
        return compare_outputs(outputs.faces, outputs.masks, golden.swapped, golden.masks)

    @property
    def tolerance(self) -> ToleranceRow:
        """The limits of `replay`: the manifest's, relaxed where the provider uses bfloat16."""
        limits = self._graph.tolerance
        if not computes_in_bfloat16(self.provider):
            return limits
        relaxed = _BFLOAT16_TOLERANCE
        return ToleranceRow(
            levels=max(limits.levels, relaxed.levels),
            min_share_within=min(limits.min_share_within, relaxed.min_share_within),
            max_mean_difference=max(limits.max_mean_difference, relaxed.max_mean_difference),
        )


def _check_graph(session: ort.InferenceSession, bundle: Bundle, graph: GraphRow) -> None:
    """Check before anything runs that the graph matches the manifest."""
    size, path = bundle.manifest.crop.size, bundle.path / graph.file
    tensors = (graph.face, graph.swapped, graph.mask)
    for tensor, channels in zip(tensors, (3, 3, 1), strict=True):
        if tensor.shape != ("batch", size, size, channels):
            raise ArtifactRefused(
                f"{path}: the manifest's {tensor.name} does not match its crop of {size} pixels; "
                "export the bundle again."
            )
    with as_artifact_refused(f"{path} has names that are not text", (UnicodeDecodeError,)):
        actual = [_describe_node(node) for node in (*session.get_inputs(), *session.get_outputs())]
    expected = [_describe_tensor(tensor) for tensor in tensors]
    if sorted(actual) != sorted(expected):
        raise ArtifactRefused(
            f"{path} does not match its manifest: it has {', '.join(actual)} and should have "
            f"{', '.join(expected)}; export the bundle again."
        )


def _describe_tensor(tensor: TensorRow) -> str:
    return f"{tensor.name} {tensor.dtype}{[None, *tensor.shape[1:]]}"


def _describe_node(node: ort.NodeArg) -> str:
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return f"{node.name} {dtype}{[size if isinstance(size, int) else None for size in node.shape]}"
