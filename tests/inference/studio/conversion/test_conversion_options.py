"""The options of the conversion panel are options of `faceloom convert`."""

from pathlib import Path

import pytest
import typer

from faceloom.cli.convert import add_commands
from faceloom.cli.convert.options import convert_options
from faceloom.errors import UsageError
from faceloom.studio.conversion.conversion_options import ConversionOptions
from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.swap import ConvertOptions

EVERYTHING = {
    "container": "mkv", "encoder": "x265", "speed": "small", "quality": 40, "streams": "drop",
    "first_frame": 3, "last_frame": 9, "on_missing": "last", "reference": ("/a.png", "/b.png"),
    "exclude": ("/c.png",), "threshold": 0.5, "label": "Not real", "label_position": "top-left",
    "watermark": True,
}  # fmt: skip


def parsed(arguments: tuple[str, ...]) -> ConvertOptions:
    """Return the options of the command line."""
    app = typer.Typer()
    add_commands(app)
    context = typer.main.get_command(app).make_context("convert", ["clip.mp4", *arguments])
    return convert_options(context.params)


@pytest.mark.parametrize(
    ("values", "count"),
    [({}, 0), (EVERYTHING, 25), ({"last_frame": 0}, 2), ({"first_frame": 0}, 0),
     ({"first_frame": 7}, 2), ({"label_position": "top-left"}, 0),
     ({"label": "eu"}, 2), ({"label": "eu", "label_position": "bottom-left"}, 4),
     ({"label": "A"}, 2)],
)  # fmt: skip
def test_the_arguments_mean_the_options(values: dict[str, object], count: int) -> None:
    options = ConversionOptions.model_validate(values)
    arguments = options.to_arguments()
    assert len(arguments) == count
    assert parsed(arguments) == options.to_convert_options(SwapSettings())


@pytest.mark.parametrize(
    ("folder", "words"),
    [("{root}/", r"none\.png is missing; choose a picture"), ("", "not an absolute path")],
)
def test_pictures_are_checked_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ConversionOptions(exclude=(f"{folder.format(root=tmp_path)}none.png",))
    with pytest.raises(UsageError, match=words):
        options.check_pictures([tmp_path])
