"""Charts hold any values, have round ticks, and escape their labels."""

import re

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.reports import (
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

NO_POSES = np.zeros((0, 2), np.float32)


def line_of(values: list[float]) -> ChartLine:
    return ChartLine(np.arange(1.0, len(values) + 1), np.array(values, np.float64), "#000")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([50.0, 54.0], [50, 52, 54]),
        ([0.0, 1.0], [0, 0.5, 1]),
        ([-0.3, 0.8], [0, 0.5]),
        ([31.3, 31.3], [31.28, 31.3, 31.32]),
        ([0.0, 97.0], [0, 50, 100]),
        ([0.0, 0.0], [-0.001, 0, 0.001]),
    ],
)
def test_ticks_are_round_numbers(values: list[float], ticks: list[float]) -> None:
    svg = LineChart([line_of(values)], (300, 100), points=True).to_svg()
    assert [float(x) for x in re.findall(r'class="tick">([-\d.]+)</text>', svg)] == ticks
    assert svg.count("<circle") == 2


@pytest.mark.parametrize("values", [[1.0, 1.0], [3.0, 0.01, 400.0], list(np.linspace(5, 1, 5000))])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_lines_stay_inside_the_axes(values: list[float], logarithmic: bool) -> None:
    line = line_of(values)
    svg = LineChart(
        [line, ChartLine(line.x, line.y / 2, "#111")],
        (300, 100),
        logarithmic=logarithmic,
        max_points=500,
        events=[EventMarker(1, "1"), EventMarker(1, "2")],
    ).to_svg()
    paths = re.findall('d="M([^"]*)" stroke', svg)
    assert len(paths) == 2
    for path in paths:
        points = np.array([[float(x) for x in p.split()] for p in path.split("L")])
        assert len(points) == min(len(values), 500)
        assert (points >= 0).all()
        assert (points <= [300 - 56, 100 - 36]).all()
    assert ">1-2<" in svg
    assert re.search(r'class="tick">[\d.]+</text><', svg)


def test_a_line_is_broken_where_values_are_unknown() -> None:
    svg = LineChart([line_of([1, 2, np.nan, 3, 4])], (300, 100)).to_svg()
    (path,) = re.findall('d="(M[^"]*)" stroke', svg)
    assert re.sub("[^ML]", "", path) == "MLML"


def test_outliers_and_unreachable_references_do_not_flatten_a_line() -> None:
    values = [0.0, 1.0] * 100 + [1000.0]
    svg = LineChart([line_of(values)], (300, 100), reference=60.0, clip_percent=1.0).to_svg()
    assert re.findall(r'class="tick">([-\d.]+)</text>', svg) == ["0", "0.5", "1"]
    near = LineChart([line_of([0.5, 1.0])], (300, 100), reference=0.0).to_svg()
    assert ">0</text>" in near


def test_rings_link_to_the_page_and_labels_are_escaped() -> None:
    ring = LinkedPoint(1, 2, "#frame-1", "<b>", "#f00")
    svg = LineChart([line_of([1, 2])], (300, 100), x_label="<i>", links=[ring]).to_svg()
    assert '<a href="#frame-1"><title>&lt;b&gt;</title><circle' in svg
    assert "&lt;i&gt; 2" in svg
    assert "<i>" not in svg


def test_values_beyond_a_chart_are_drawn_at_its_edge() -> None:
    poses = float32([[-400, 5], [400, -200]])
    assert pose_map(poses, "#000", NO_POSES, NO_POSES).count('fill="#000"') == 2
    assert "median 5.00<" in histogram(float32([5]), ValueAxis(0, 1), "#000")
    assert direction_map(float32([9]), float32([-9]), "#000").count("<circle") == 1


def test_a_pose_map_outlines_needed_cells_and_marks_missing_ones() -> None:
    svg = pose_map(NO_POSES, "#000", float32([[0, 0], [60, 0]]), float32([[60, 0]]))
    assert (svg.count('class="needed"'), svg.count('class="missing"')) == (1, 1)


def test_a_histogram_labels_its_ends_and_shades_low_values() -> None:
    axis = ValueAxis(0, 2, "", "closed", "wide <open", 0.5)
    svg = histogram(float32([0.2, 0.9]), axis, "#000")
    assert ">closed<" in svg
    assert ">wide &lt;open<" in svg
    assert f'<rect width="{210 / 4}" height="64" class="shaded">' in svg


def test_a_color_strip_goes_from_dark_to_light() -> None:
    svg = color_strip(float32([[90, 0, 0], [10, 0, 0]]))
    dark, light = re.findall('fill="#([0-9a-f]{6})"', svg)
    assert int(dark, 16) < int(light, 16)
    assert "L* 10" in svg
