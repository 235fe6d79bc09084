"""The page of a run tells its loss, what happened to it and what it drew; so do TensorBoard's files."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from faceloom.reports.charts import ChartLine, EventMarker, LineChart
from tests.helpers.runs import tiny_config, tiny_run

from faceloom_train.loop.trainer import train
from faceloom_train.reporting.html_report import write_report
from faceloom_train.runs.run_directory import Run


def test_a_run_leaves_its_page_and_files_for_tensorboard(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=2, preview_every=2, tensorboard=True)
    train(run)
    changed = run.with_settings(
        tiny_config(steps=3, preview_every=2, tensorboard=True, batch_size=1), 2
    )
    train(changed)
    page = (run.directory / "report.html").read_text()
    assert "batch_size changed from 2 to 1" in page
    assert "step 3 of 3, loss" in page
    # The previews of the second and the last step, and the examples.
    assert len(re.findall("data:image/jpeg", page)) == 3
    assert not re.findall(r'(src|href)="(?!data:)', page)
    # The loss, its six parts and the learning rate, each with a red line for what changed.
    assert (page.count('class="line"'), page.count('class="event"')) == (8, 8)
    files = sorted((run.directory / "tensorboard").glob("events.out.tfevents.*"))
    events = [
        tf.compat.v1.Event.FromString(r.numpy())
        for r in tf.data.TFRecordDataset([str(f) for f in files])
    ]
    tags = {(event.step, value.tag) for event in events for value in event.summary.value}
    assert {(1, "loss"), (2, "dssim"), (3, "skipped_steps"), (2, "preview")} <= tags


ROWS = {
    "nothing": ([], "Too few values yet"),
    "no number": (
        [{"step": 1, "seconds": 1, "skipped_steps": 1}],
        "1 steps with a non-finite loss were skipped",
    ),
    "a restore": (
        [{"step": 4, "event": "restored", "reason": "why & so", "failed_step": 9}],
        "restored from this step&#39;s checkpoint: why &amp; so at step 9",
    ),
    "auto": (
        [{"step": 0, "event": "setting_chosen", "setting": "micro_batch_size", "value": 4}],
        "micro_batch_size: 4 was chosen",
    ),
    "advice": (
        [{"step": 9, "event": "trend", "trend": "flat", "advice": "no use & so"}],
        "step 9</td><td>no use &amp; so",
    ),
    "a warm start": (
        [
            {
                "step": 0,
                "event": "warm_start",
                "init_from": "a/b",
                "init_step": 7,
                "copied_fraction": 0.5,
            }
        ],
        "50 % of the weights were copied from a/b",
    ),
    "what it does not know": ([{"step": 1, "evaluated": 0.4}], "evaluated: 0.4"),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_happened_is_told(tmp_path: Path, name: str) -> None:
    rows, words = ROWS[name]
    run = Run.create(
        tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, tiny_config()
    )
    for row in rows:
        run.log_metrics(row)
    assert words in write_report(run).read_text()


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ([50.0, 54.0], [50, 52, 54]),
        ([0.0, 1.0], [0, 0.5, 1]),
        ([-0.3, 0.8], [0, 0.5]),
        ([31.3, 31.3], [31.28, 31.3, 31.32]),
        ([0.0, 97.0], [0, 50, 100]),
    ],
)
def test_what_is_written_beside_a_curve_is_round(values: list[float], steps: list[float]) -> None:
    line = ChartLine(np.array([1.0, 2.0], np.float32), np.array(values, np.float32), "#000")
    svg = LineChart([line], (300, 100), points=True).to_svg()
    assert [float(x) for x in re.findall(r'class="tick">([-\d.]+)</text>', svg)] == steps
    assert svg.count("<circle") == 2


def test_the_page_shows_how_the_swaps_get_better(tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, tiny_config()
    )
    assert "Not evaluated yet" in write_report(run).read_text()
    for step in (1, 2):
        run.log_metrics({"step": step, "reconstruction": "ada", "ssim": 0.9})
        for host, guest in (("ada", "ben"), ("ben", "ada")):
            figures = dict.fromkeys(("score", "expression", "sharpness", "cycle_ssim"), 0.5)
            run.log_metrics(
                {
                    "step": step,
                    "swap": f"{host} as {guest}",
                    "identity": None if step == 1 else 0.3,
                    **figures,
                }
            )
    page = write_report(run).read_text()
    assert (
        "2 evaluations: 6 are needed to tell whether more steps help"
        in page.replace("\n", "").lower()
    )
    # Two directions have five figures each, one identity one.
    assert (page.count('class="line"'), page.count("<svg")) == (11, 6)
    assert page.count("no face") == 2


@pytest.mark.parametrize("values", [[1.0, 1.0], [3.0, 0.01, 400.0], list(np.linspace(5, 1, 5000))])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_curves_stay_inside_their_frame(values: list[float], logarithmic: bool) -> None:
    steps = np.arange(1, len(values) + 1, dtype=np.float32)
    line = ChartLine(steps, np.array(values, np.float32), "#000")
    half = ChartLine(line.x, line.y / 2, "#111")
    svg = LineChart(
        [line, half],
        (300, 100),
        logarithmic=logarithmic,
        max_points=500,
        events=[EventMarker(1, "1"), EventMarker(1, "2")],
    ).to_svg()
    lines = re.findall('d="M([^"]*)" stroke', svg)
    assert len(lines) == 2
    for points in (
        np.array([[float(x) for x in p.split()] for p in line.split("L")]) for line in lines
    ):
        assert len(points) == min(len(values), 500)
        assert (points >= 0).all()
        assert (points <= [300 - 56, 100 - 36]).all()
    assert ">1-2<" in svg
    assert re.search(r'class="tick">[\d.]+</text><', svg)
