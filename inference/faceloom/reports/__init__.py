"""What HTML reports are built with: page rendering, one stylesheet, embedded images, SVG charts.

The reports of `compare`, `review`, `demo` and of a training run extend `base.html.j2`. The package
may import `image_io`, `color`, `array_types`; it knows nothing about what a report shows.
"""

from faceloom.reports.charts import (
    ChartLine,
    EventMarker,
    LineChart,
    LinkedPoint,
    ValueAxis,
    color_strip,
    direction_map,
    histogram,
    pose_map,
)
from faceloom.reports.page import data_url, encode_jpeg, picture_url, render_page

__all__ = [
    "ChartLine",
    "EventMarker",
    "LineChart",
    "LinkedPoint",
    "ValueAxis",
    "color_strip",
    "data_url",
    "direction_map",
    "encode_jpeg",
    "histogram",
    "picture_url",
    "pose_map",
    "render_page",
]
