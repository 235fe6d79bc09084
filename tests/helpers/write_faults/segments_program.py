"""Convert clip.mp4 to swap.mp4 in segments of two frames; run again, it resumes."""

from pathlib import Path

from tests.helpers.write_faults.documented_exit import documented_exit

from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import ConvertOptions, convert

_OPTIONS = ConvertOptions(
    provider="cpu", segment_length=2, marking=MarkSettings("tags"), workers=1, resume=True
)


def main() -> None:
    """Exits with the code of the error that occurred."""
    with documented_exit():
        run_to_completion(convert(Path("clip.mp4"), Path("b.bundle"), Path("swap.mp4"), _OPTIONS))
