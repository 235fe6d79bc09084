"""The settings that may change while a run trains, as the studio's form shows them."""

import pytest

from faceloom.errors import UsageError
from faceloom.studio.runs.run_settings import RunSetting, changes_to_arguments
from faceloom_train.config import (
    FIXED,
    change_config,
    differences,
    list_changeable_settings,
    preset_path,
    read_config,
)

CONFIG = read_config(preset_path("smoke"))
SETTINGS = [RunSetting.from_details(each) for each in list_changeable_settings(CONFIG)]


def test_every_setting_is_fixed_or_listed() -> None:
    keys = {setting.key for setting in SETTINGS}
    groups = {setting.group for setting in SETTINGS}
    fields = set(type(CONFIG).model_fields)
    assert fields == {key for key in keys if "." not in key} | groups - {""} | {"steps"} | {
        key for key in FIXED if "." not in key
    }
    assert "optimizer.ema_momentum" not in keys
    assert all(setting.help for setting in SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_the_present_value_is_accepted_and_changes_nothing(setting: RunSetting) -> None:
    argument = setting.to_argument(setting.value)
    assert not list(differences(CONFIG, change_config(CONFIG, [argument])))
    assert changes_to_arguments(SETTINGS, {setting.key: setting.value}) == ()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_what_is_listed_as_accepted_is_accepted(setting: RunSetting) -> None:
    values = [*setting.words]
    values += [f"{each:g}" for each in (setting.minimum, setting.maximum) if each is not None]
    for value in values:
        # This loss needs network.mean_face_max_shift.
        if setting.key != "loss.displacement":
            changed = change_config(CONFIG, [setting.to_argument(value)])
            assert {key for key, _, _ in differences(CONFIG, changed)} <= {setting.key}


def test_a_limit_that_must_be_exceeded_is_refused() -> None:
    (rate,) = (setting for setting in SETTINGS if setting.key == "optimizer.learning_rate")
    assert rate.to_argument("1e-9") == "optimizer.learning_rate=1e-9"
    with pytest.raises(UsageError, match="a number above 0"):
        rate.to_argument("0")


@pytest.mark.parametrize("text", ['CC BY: 4.0, "mine"', "[draft] mine", "{mine", "[a: b"])
def test_a_text_is_taken_as_it_is(text: str) -> None:
    (license_,) = (setting for setting in SETTINGS if setting.key == "license")
    assert change_config(CONFIG, [license_.to_argument(text)]).license == text


@pytest.mark.parametrize("key", ["network.size", "steps", "seed", "unknown"])
def test_other_settings_are_refused(key: str) -> None:
    with pytest.raises(UsageError, match="cannot change during a run"):
        changes_to_arguments(SETTINGS, {key: "1"})
