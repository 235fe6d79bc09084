"""The HTML report of a comparison: scores, metrics, charts over time, the worst frames."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from faceloom.array_types import Rgb
from faceloom.atomic import write_text
from faceloom.compare.compare import ClipVersions, DetailedComparison, read_synchronized_frames
from faceloom.compare.metrics import METRICS_BY_NAME, Metric
from faceloom.compare.observations import CROP
from faceloom.compare.result import (
    PASTE,
    REFERENCES,
    SWAP,
    TARGET,
    TRUTH,
    Comparison,
    format_metric,
)
from faceloom.compare.score_words import words_of_swap
from faceloom.faces.alignment import crop_face
from faceloom.faces.face_finder import FaceFinder
from faceloom.reports import ChartLine, LineChart, LinkedPoint, picture_url, render_page

# CSS color of each version.
COLORS = {TARGET: "#a8a8a8", PASTE: "#3a8f4d", SWAP: "#c2571a", TRUTH: "#2b3f63"}
# Metrics whose worst frames are shown; those of the others are the same or show nothing.
_SHOWN_METRICS = (
    "identity",
    "mouth_motion",
    "lid_error",
    "gaze_error",
    "mouth_opening_error",
    "sharpness",
    "color_error",
    "chroma_error",
    "uneven_color",
    "seam",
    "foreign_hair",
    "lost_hair",
    "occluders_kept",
    "warping_error",
    "truth_landmark_error",
    "truth_aligned_ssim",
)
# Distance of a metric's mean from its best value below which no frame is bad.
_LEAST_ERROR = 1e-3
# Pixels of a chart.
_CHART_SIZE = (345, 130)
# Percent of the values at each end that may lie outside a chart.
_CLIP_PERCENT = 1.0


def write_report(detailed: DetailedComparison, videos: ClipVersions, path: Path) -> None:
    """Write the HTML report. Reads the videos again to show the worst frames.

    Args:
        detailed: The comparison.
        videos: The compared videos.
        path: The file to write.
    """
    comparison = detailed.comparison
    typical = detailed.frames[len(detailed.frames) // 2]
    crops = _read_crops(videos, {*worst_frames(comparison), typical})
    page = render_page(
        "faceloom.compare",
        "report.html.j2",
        comparison=comparison,
        words=words_of_swap(comparison),
        first_frame=typical,
        first_crops=crops[typical],
        references=REFERENCES,
        colors=COLORS,
        target=videos.target.name,
        swap=videos.swap.name,
        format_metric=format_metric,
        charts=[(metric_title(metric), svg) for metric, svg in _charts(detailed)],
        frames=[
            (frame, faults_of_frame(comparison, frame, names), crops[frame])
            for frame, names in worst_frames(comparison).items()
        ],
    )
    write_text(path, page)


def worst_frames(comparison: Comparison) -> dict[int, list[str]]:
    """Return the frames to show.

    Args:
        comparison: The comparison.

    Returns:
        The swap's worst frames in ascending order, each with the metrics that are worst there.
    """
    swap = comparison.version(SWAP)
    frames: dict[int, list[str]] = {}
    for metric in swap.metrics if swap else ():
        error = abs(metric.mean - METRICS_BY_NAME[metric.name].best)
        if metric.name in _SHOWN_METRICS and error >= _LEAST_ERROR:
            for frame in metric.worst_frames:
                frames.setdefault(frame, []).append(metric.name)
    for frame in comparison.eyes.worst_frames():
        frames.setdefault(frame, [])
    return dict(sorted(frames.items()))


def _read_crops(videos: ClipVersions, frames: Collection[int]) -> dict[int, list[str]]:
    """Return for some frames the crop of every version as a data URL."""
    crops: dict[int, list[str]] = {}
    paths = list(videos.by_name().values())
    for frame, pictures in enumerate(read_synchronized_frames(paths)):
        if frame in frames:
            crops[frame] = [picture_url(crop) for crop in _crop_versions(pictures)]
        if len(crops) == len(frames):
            break
    return crops


def _crop_versions(pictures: Sequence[Rgb]) -> list[Rgb]:
    """Cut every version of a frame at the target's face; empty if it is not detected."""
    (faces,) = FaceFinder().find([pictures[0]])
    if not faces:
        # The face was tracked here from the frame before, and the detector alone misses it.
        return []
    to_crop = CROP.frame_to_crop(faces[0].points_xy)
    return [crop_face(picture, to_crop, CROP.size) for picture in pictures]


def faults_of_frame(comparison: Comparison, frame: int, names: Sequence[str]) -> str:
    """Name what is wrong in a frame, the eyes first.

    Args:
        comparison: The comparison.
        frame: The frame's index.
        names: The metrics that are worst there.
    """
    faults = [fault] if (fault := comparison.eyes.at(frame)) else []
    return ", ".join([*faults, *(metric_title(METRICS_BY_NAME[name]) for name in names)])


def metric_title(metric: Metric) -> str:
    """Return a metric's name for people, with what it is measured against.

    Args:
        metric: The metric.
    """
    return metric.title + (" (against the truth)" if metric.reference == "truth" else "")


def _charts(detailed: DetailedComparison) -> Iterator[tuple[Metric, str]]:
    comparison = detailed.comparison
    frames = np.asarray(detailed.frames, np.float64)
    for metric in (*comparison.metrics("target"), *comparison.metrics("truth")):
        lines = [
            ChartLine(frames, series[metric.name], COLORS[name])
            for name, series in detailed.series.items()
            if metric.name in series
        ]
        chart = LineChart(
            lines,
            _CHART_SIZE,
            x_label="frame",
            x_start=detailed.frames[0],
            reference=metric.best,
            clip_percent=_CLIP_PERCENT,
            links=_links(detailed, metric),
        )
        yield metric, chart.to_svg()


def _links(detailed: DetailedComparison, metric: Metric) -> list[LinkedPoint]:
    """Rings on the swap's line that link to the pictures of its worst frames."""
    swap = detailed.comparison.version(SWAP)
    summary = swap.metric(metric.name) if swap else None
    if summary is None:
        return []
    shown = worst_frames(detailed.comparison)
    values = dict(zip(detailed.frames, detailed.series[SWAP][metric.name].tolist(), strict=True))
    return [
        LinkedPoint(
            frame,
            values[frame],
            f"#frame-{frame}",
            f"frame {frame}: {values[frame]:.3g}",
            COLORS[SWAP],
        )
        for frame in summary.worst_frames
        if frame in shown
    ]
