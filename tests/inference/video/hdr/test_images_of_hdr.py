"""Images of HDR video: PNG keeps HDR and its tags, JPEG shows SDR."""

from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.fakes.swap import BOX, swap

from faceloom.video import Encoding, read_frames
from faceloom.video.pixel_format import to_rgb

CASES = Path(__file__).parents[3] / "data" / "cases"


def _copy(name: str, folder: Path) -> Path:
    copy = folder / name
    copy.write_bytes((CASES / name).read_bytes())
    return copy


@pytest.mark.parametrize(("name", "transfer"), [("hlg.mov", 18), ("pq.mp4", 16)])
def test_png_keeps_the_transfer_function(tmp_path: Path, name: str, transfer: int) -> None:
    """Also where the frame is turned upright."""
    folder = swap(_copy(name, tmp_path), tmp_path / "images", Encoding(), ":1", 1)
    with av.open(str(folder / "000000.png")) as container:
        frame = next(container.decode(video=0))
    assert (frame.color_primaries, frame.color_trc) == (9, transfer)
    assert frame.format.name.startswith("rgb48")


def test_jpeg_shows_sdr(tmp_path: Path) -> None:
    source = _copy("pq.mp4", tmp_path)
    still = tmp_path / "still.mp4"
    with av.open(str(source)) as container, av.open(str(still), "w") as target:
        stream = target.add_stream_from_template(container.streams.video[0])
        packet = next(container.demux(video=0))
        packet.stream = stream
        target.mux(packet)
    image = swap(still, tmp_path / "image.jpg", Encoding(), ":", 1)
    with av.open(str(image)) as container:
        shown = to_rgb(next(container.decode(video=0))).astype(int)
    left, top, right, bottom = BOX
    expected = next(read_frames(source)).rgb.copy()
    expected[top:bottom, left:right] = 200, 40, 60
    assert np.abs(shown - expected).mean() < 3
