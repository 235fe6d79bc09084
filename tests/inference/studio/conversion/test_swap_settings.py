"""Settings become the options and the arguments of a conversion."""

import pytest
from pydantic import ValidationError

from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.swap import SwapOptions


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({}, ()),
        ({"mask": "regions", "glasses": "auto", "forehead": 0.08}, ()),
        (
            {"select": "track:3", "mask": "mesh", "erode": 0.0, "sharpen": 0.25},
            ("--select", "track:3", "--mask", "mesh", "--erode", "0", "--sharpen", "0.25"),
        ),
        (
            {"color": "rct", "glasses": "guest", "feather": 0.125, "forehead": -0.1},
            ("--color", "rct", "--glasses", "guest", "--feather", "0.125", "--forehead", "-0.1"),
        ),
    ],
)
def test_arguments_name_what_is_not_the_default(
    settings: dict[str, object], arguments: tuple[str, ...]
) -> None:
    model = SwapSettings.model_validate(settings)
    assert sorted(model.to_arguments()) == sorted(arguments)
    assert model.to_options() == SwapOptions(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"select": "tallest"},
        {"select": "track:"},
        {"erode": 0.3},
        {"forehead": 0.6},
        {"sharpen": -0.1},
        {"mask": "none"},
        {"reference": "a.png"},
    ],
)
def test_other_values_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SwapSettings.model_validate(settings)
