"""The HTML report of the demo: the video, what was done, the comparison."""

from collections.abc import Sequence
from pathlib import Path

from faceloom.atomic import write_text
from faceloom.compare import Comparison, words_of_swap
from faceloom.reports import data_url, render_page


def write_page(
    table: Sequence[tuple[str, str]],
    comparison: Comparison,
    video: Path,
    preview: Path,
    side_by_side: Path,
    path: Path,
) -> None:
    """Write the self-contained page.

    Args:
        table: What was done and its result, one pair per step of the demo.
        comparison: The comparison of the swap.
        video: The swap, an MP4 file.
        preview: The training preview, a PNG file.
        side_by_side: Target, paste, swap and ground truth at a few frames, a PNG file.
        path: The file to write.
    """
    page = render_page(
        "faceloom.demo",
        "page.html.j2",
        table=table,
        verdict=comparison.verdict(),
        eyes=comparison.eyes.to_text(),
        words=words_of_swap(comparison),
        metrics=comparison.to_table(),
        video=data_url(video.read_bytes(), "video/mp4"),
        preview=data_url(preview.read_bytes(), "image/png"),
        side_by_side=data_url(side_by_side.read_bytes(), "image/png"),
    )
    write_text(path, page)
