"""Files for TensorBoard, scalars and preview sheets, written without it and on either backend.

`tf.summary` refuses to write where the package tensorboard is missing, and TensorFlow 2.21 no longer brings
it. An event file is a file of TFRecords with a protocol buffer each, which TensorFlow writes.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from faceloom.image_io import read_picture
from faceloom_train.runs.run_directory import Run

_Event, _Summary = tf.compat.v1.Event, tf.compat.v1.Summary


class Tensorboard:
    """An event file in the run's folder `tensorboard`."""

    def __init__(self, run: Run):
        folder = run.directory / "tensorboard"
        folder.mkdir(exist_ok=True)
        # The name tells TensorBoard what it is, and sorts by the time of writing.
        self._file = tf.io.TFRecordWriter(
            str(folder / f"events.out.tfevents.{time.time_ns()}.faceloom")
        )
        self._write(_Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write_values(self, step: int, values: Mapping[str, float]) -> None:
        """Write a row of the metrics."""
        self._write_summary(
            step, [_Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        )

    def write_picture(self, step: int, sheet: Path) -> None:
        """Write a preview sheet."""
        height, width, _ = read_picture(sheet).shape
        picture = _Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=sheet.read_bytes()
        )
        self._write_summary(step, [_Summary.Value(tag="preview", image=picture)])

    def _write_summary(self, step: int, values: list[tf.compat.v1.Summary.Value]) -> None:
        self._write(_Event(wall_time=time.time(), step=step, summary=_Summary(value=values)))

    def _write(self, event: tf.compat.v1.Event) -> None:
        self._file.write(event.SerializeToString())
        self._file.flush()
