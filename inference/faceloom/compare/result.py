"""The result of a comparison, as JSON and as a table with a verdict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from faceloom.compare.eye_moments import EyeMoments
from faceloom.compare.metrics import METRICS, Metric, MetricSummary
from faceloom.compare.score import Score, ScoreComponent
from faceloom.faces.parsing.occlusion import Span, join_spans, occlusion_sentence

# Names of the versions of a clip.
TARGET = "target"
PASTE = "paste"
SWAP = "swap"
TRUTH = "truth"
# What metrics are measured against, in words.
REFERENCES = {"target": "the target", "truth": "the ground truth"}

# Share of the paste baseline's identity similarity that a good swap reaches.
_COMPARABLE = 0.8
# Standard errors below it are not printed.
_LEAST_ERROR = 5e-4
# Means below it are printed as 0.
_LEAST_MEAN = 1e-3
# Distance of two occluded frames of one span.
_SPAN_GAP = 12
# Characters of the table's first column.
_TITLE_WIDTH = 34
# Characters of a version's column.
_CELL_WIDTH = 17


@dataclass(frozen=True, slots=True)
class Version:
    """The metrics of one version of the clip."""

    name: str
    """`target`, `paste`, `swap` or `truth`."""
    metrics: tuple[MetricSummary, ...]
    """Those that are defined, in the order of METRICS."""
    score: Score | None
    """None if the identity similarity is undefined."""

    def metric(self, name: str) -> MetricSummary | None:
        """Return a metric, None if it is undefined.

        Args:
            name: Name of the metric.
        """
        return next((metric for metric in self.metrics if metric.name == name), None)

    def component(self, name: str) -> float | None:
        """Return a component of the score, None if it is undefined.

        Args:
            name: Name of the component.
        """
        components = self.score.components if self.score else ()
        return next((component.value for component in components if component.name == name), None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores and metrics of all versions of a clip."""

    frames: int
    """Number of compared frames."""
    frames_with_face: int
    """Number of those in which the target shows a face."""
    occluded_frames: tuple[int, ...]
    """Indices of those in which something stands before the target's face."""
    versions: tuple[Version, ...]
    """The target first."""
    eyes: EyeMoments = field(default_factory=EyeMoments)
    """When the swap's eyes are open or shut unlike the target's."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Comparison":
        """Read the output of `faceloom compare --json`.

        Args:
            data: The parsed JSON object.
        """
        versions = [
            Version(v["name"], tuple(map(_metric_from_json, v["metrics"])), _score(v["score"]))
            for v in data["versions"]
        ]
        return cls(
            data["frames"],
            data["frames_with_face"],
            tuple(data["occluded_frames"]),
            tuple(versions),
            EyeMoments.from_json(data.get("eyes", {})),
        )

    def version(self, name: str) -> Version | None:
        """Return a version, None if it was not compared.

        Args:
            name: Name of the version.
        """
        return next((version for version in self.versions if version.name == name), None)

    def metrics(self, reference: Literal["target", "truth"]) -> list[Metric]:
        """Return the metrics that are defined for any version.

        Args:
            reference: What they are measured against.
        """
        return [
            metric
            for metric in METRICS
            if metric.reference == reference and any(v.metric(metric.name) for v in self.versions)
        ]

    def component_names(self) -> list[str]:
        """Return the names of all score components that any version has, in order."""
        scores = [version.score for version in self.versions if version.score]
        return list(dict.fromkeys(c.name for score in scores for c in score.components))

    def occlusion(self) -> str:
        """Return a sentence on when something stands before the face, empty if nothing does."""
        if not self.occluded_frames:
            return ""
        spans = join_spans(((frame, frame) for frame in self.occluded_frames), _SPAN_GAP)
        share = len(self.occluded_frames) / self.frames_with_face
        return occlusion_sentence(share, spans, _frames)

    def verdict(self) -> str:
        """Return a sentence on how the swap compares with the paste baseline, empty without one."""
        swap, paste = self.version(SWAP), self.version(PASTE)
        if swap is not None and swap.metric("position_error") is None:
            return "No score: no frame of the swap shows a face where the target's is."
        if swap is None or swap.score is None:
            return (
                "No score: give the source's face set with --identity FACESET, "
                "or the ground truth with --truth VIDEO."
            )
        if paste is None or paste.score is None:
            return ""
        return _compare_with_paste(swap, paste)

    def to_text(self) -> str:
        """Return scores, components and metrics as a table, then the verdict."""
        texts = (self.occlusion(), self.eyes.to_text(), self.verdict())
        sentences = [text for text in texts if text]
        return "\n".join([self.to_table(), "", *sentences])

    def to_table(self) -> str:
        """Return scores, components and metrics as a table."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        names = "".join(f"{version.name:>{_CELL_WIDTH}}" for version in self.versions)
        yield f"{'':<{_TITLE_WIDTH}}{names}   best"
        yield from self._score_lines()
        for reference, words in REFERENCES.items():
            metrics = self.metrics("truth" if reference == "truth" else "target")
            if metrics:
                yield f"Against {words}"
            for metric in metrics:
                cells = [format_metric(v.metric(metric.name)) for v in self.versions]
                yield _line(f"  {metric.title}", cells, f"{metric.best:g}  ({metric.unit})")

    def _score_lines(self) -> Iterator[str]:
        if not any(version.score for version in self.versions):
            return
        against = REFERENCES["truth" if self.version(TRUTH) else "target"]
        scores = [f"{v.score.value:.1f}" if v.score else None for v in self.versions]
        yield _line(f"SCORE (against {against})", scores, "100")
        for name in self.component_names():
            values = [v.component(name) for v in self.versions]
            yield _line(f"  {name}", [None if x is None else f"{x:.2f}" for x in values], "1")


def format_metric(metric: MetricSummary | None) -> str | None:
    """Format a metric's mean with its standard error.

    Args:
        metric: The metric; None if it is undefined.

    Returns:
        For example `0.912±0.023`; None if it is undefined.
    """
    if metric is None:
        return None
    known = metric.standard_error is not None and metric.standard_error >= _LEAST_ERROR
    error = f"±{metric.standard_error:.2g}" if known else ""
    return f"{metric.mean:.3g}{error}" if abs(metric.mean) >= _LEAST_MEAN else "0"


def _compare_with_paste(swap: Version, paste: Version) -> str:
    own, baseline = (version.component("expression") or 0.0 for version in (swap, paste))
    identity, paste_identity = (version.component("identity") or 0.0 for version in (swap, paste))
    faults = []
    if own <= baseline:
        faults.append(f"keeps no more of the expression ({own:.2f}, paste {baseline:.2f})")
    if identity < _COMPARABLE * paste_identity:
        faults.append(
            f"is much less similar to the source ({identity:.2f}, paste {paste_identity:.2f})"
        )
    if faults:
        return f"The swap does not beat the paste baseline: it {' and '.join(faults)}."
    return (
        f"The swap beats the paste baseline: it keeps more of the expression ({own:.2f}, paste "
        f"{baseline:.2f}), and its identity similarity ({identity:.2f}) is comparable to the "
        f"paste's ({paste_identity:.2f})."
    )


def _frames(span: Span) -> str:
    first, last = span
    return f"frame {first}" if first == last else f"frames {first} to {last}"


def _line(title: str, cells: list[str | None], best: str) -> str:
    row = "".join(f"{cell or '-':>{_CELL_WIDTH}}" for cell in cells)
    return f"{title:<{_TITLE_WIDTH}}{row}   {best}"


def _metric_from_json(data: Mapping[str, Any]) -> MetricSummary:
    return MetricSummary(
        data["name"], data["mean"], data["standard_error"], tuple(data["worst_frames"])
    )


def _score(data: Mapping[str, Any] | None) -> Score | None:
    if data is None:
        return None
    return Score(data["value"], tuple(ScoreComponent(**c) for c in data["components"]))
