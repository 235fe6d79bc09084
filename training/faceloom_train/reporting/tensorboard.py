"""Write event files for TensorBoard: metrics and preview sheets, on either backend.

`tf.summary` needs the package tensorboard, which TensorFlow 2.21 does not install. An event file is
a TFRecord file of protocol buffers, which TensorFlow can write.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from faceloom.image_io import read_picture
from faceloom_train.runs.run_directory import Run

_Event = tf.compat.v1.Event
_Summary = tf.compat.v1.Summary


class TensorBoardWriter:
    """Writes an event file in the run's folder `tensorboard`."""

    def __init__(self, run: Run):
        """Create an event file.

        Args:
            run: The run.
        """
        folder = run.directory / "tensorboard"
        folder.mkdir(exist_ok=True)
        # TensorBoard finds event files by "tfevents" in their names, and sorts them by name.
        self._file = tf.io.TFRecordWriter(
            str(folder / f"events.out.tfevents.{time.time_ns()}.faceloom")
        )
        self._write(_Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write metrics.

        Args:
            step: The step that they belong to.
            values: Their values by name.
        """
        self._write_summary(
            step, [_Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        )

    def write_preview(self, step: int, sheet: Path) -> None:
        """Write a preview sheet.

        Args:
            step: The step that it shows.
            sheet: Its PNG file.
        """
        height, width, _ = read_picture(sheet).shape
        image = _Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=sheet.read_bytes()
        )
        self._write_summary(step, [_Summary.Value(tag="preview", image=image)])

    def _write_summary(self, step: int, values: list[tf.compat.v1.Summary.Value]) -> None:
        self._write(_Event(wall_time=time.time(), step=step, summary=_Summary(value=values)))

    def _write(self, event: tf.compat.v1.Event) -> None:
        self._file.write(event.SerializeToString())
        self._file.flush()
