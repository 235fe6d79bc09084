"""The section of a run's report about its evaluations: trend, charts, latest results."""

from collections.abc import Sequence
from dataclasses import dataclass

from faceloom.reports import ChartLine, LineChart
from faceloom_train.config.schema import TrainConfig
from faceloom_train.evaluation.evaluator import RECONSTRUCTION, SWAP, SWAP_METRICS
from faceloom_train.evaluation.metric_history import MetricSeries, series_by_subject
from faceloom_train.evaluation.plateau import current_advice
from faceloom_train.runs.run_directory import Row

# Latest results that the table shows.
_MAX_RESULTS = 12
# CSS colors of the swaps and identities, in their order.
_COLORS = ("#c2571a", "#2f6fbb", "#3a8f4d", "#8a4fa3", "#a01414", "#5c6b73")
# Pixels of a chart.
_CHART_SIZE = (345, 150)


@dataclass(frozen=True, slots=True)
class EvaluationChart:
    """The chart of one metric."""

    title: str
    """Name of the metric."""
    subjects: tuple[tuple[str, str], ...]
    """Each line's swap or identity, and its CSS color."""
    svg: str
    """The chart."""


@dataclass(frozen=True, slots=True)
class EvaluationSection:
    """What the report shows of a run's evaluations."""

    advice: str
    """Whether more steps help, as a sentence."""
    charts: tuple[EvaluationChart, ...]
    """One per metric."""
    columns: tuple[str, ...]
    """Titles of the table's metrics."""
    results: tuple[tuple[int, str, tuple[str, ...]], ...]
    """Step, swap and metrics of the latest results, the newest first."""

    @classmethod
    def from_metrics(cls, rows: Sequence[Row], settings: TrainConfig) -> "EvaluationSection | None":
        """Collect the evaluations of a run.

        Args:
            rows: The rows of the run's metrics.
            settings: The run's settings.

        Returns:
            The section; None if the run has not been evaluated.
        """
        evaluations = [row for row in rows if SWAP in row]
        if not evaluations:
            return None
        advice = current_advice(rows, settings)
        series = {name: series_by_subject(rows, SWAP, name) for name in SWAP_METRICS}
        series["reconstruction"] = series_by_subject(rows, RECONSTRUCTION, "ssim")
        return cls(
            advice=f"{advice[:1].upper()}{advice[1:]}.",
            charts=tuple(_chart(name, subjects) for name, subjects in series.items() if subjects),
            columns=tuple(_title(name) for name in SWAP_METRICS),
            results=tuple(_result(row) for row in reversed(evaluations[-_MAX_RESULTS:])),
        )


def _chart(name: str, subjects: dict[str, MetricSeries]) -> EvaluationChart:
    """A line for each swap or identity."""
    colors = [_COLORS[index % len(_COLORS)] for index in range(len(subjects))]
    lines = [
        ChartLine(series.steps, series.values, color)
        for series, color in zip(subjects.values(), colors, strict=True)
    ]
    svg = LineChart(lines, _CHART_SIZE, points=True).to_svg()
    return EvaluationChart(_title(name), tuple(zip(subjects, colors, strict=True)), svg)


def _title(metric: str) -> str:
    return metric.replace("_", " ").replace("ssim", "SSIM")


def _result(row: Row) -> tuple[int, str, tuple[str, ...]]:
    cells = tuple(_cell(row.get(name)) for name in SWAP_METRICS)
    return row["step"], row[SWAP], cells


def _cell(value: float | None) -> str:
    return "no face" if value is None else f"{value:.3g}"
