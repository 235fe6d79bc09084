"""A configuration is locked: what is misspelt or impossible is named, with the way out."""

from pathlib import Path

import pytest
import yaml

from faceloom.errors import UsageError
from faceloom_train.config.presets import preset_path, presets_directory
from faceloom_train.config.schema import change_config, differences, read_config, to_yaml

GOOD = """
network: {kind: df, size: 64, encoder: [8, 16], code: 16, decoder: [16, 8], residuals: [0, 1]}
steps: 10
batch_size: 4
"""

BAD = {
    "a misspelt key": (GOOD + "batchsize: 3", "batchsize.*did you mean batch_size"),
    "a misspelt key inside": (
        GOOD + "optimizer: {learing_rate: 1}",
        "optimizer.learing_rate.*learning_rate",
    ),
    "a key like no other": (GOOD + "zzz: 3", "no setting zzz.*configs/"),
    "a wrong type": (GOOD + "seed: many", "seed: .*integer"),
    "a negative size": (GOOD.replace("size: 64", "size: -64"), r"network\.df\.size"),
    "a size that cannot be halved": (GOOD.replace("size: 64", "size: 40"), "multiple of 16"),
    "an unknown network": (GOOD.replace("kind: df", "kind: gan"), "network"),
    "no network": ("steps: 1\nbatch_size: 1", "network"),
    "levels that do not fit": (
        GOOD.replace("[0, 1]", "[0, 1, 1]"),
        "residuals needs a number for each",
    ),
    "nothing left to decode": (
        GOOD.replace("kind: df", "kind: df, shared: 2"),
        "shared must be less",
    ),
    "a mask with too few levels": (
        GOOD.replace("code: 16", "code: 16, shared: 0, mask_trunk: [4, 4]"),
        "mask_trunk needs",
    ),
    "a mask with nothing to double": (
        GOOD.replace("code: 16", "code: 16, mask_trunk: [4]"),
        "of the 0 doublings",
    ),
    "inters that leave nothing": (
        GOOD.replace("kind: df", "kind: liae, inter: 2"),
        "inter must be less",
    ),
    "halves that are none": (
        GOOD.replace("df", "liae").replace("[16, 8]", "[16, 7]"),
        "even numbers",
    ),
    "what only the other kind has": (
        GOOD.replace("kind: df", "kind: liae, shared: 1"),
        "no setting network.shared",
    ),
    "no template to move": (
        GOOD.replace("code: 16", "code: 16, template: false, template_reach: 0.1"),
        "template: true",
    ),
    "coarser than the head": (
        GOOD.replace("code: 16", "code: 16, head: 2, coarse: 4"),
        "more than the 2 pixels of head",
    ),
    "more scales than there are": (GOOD + "loss: {dssim_scales: 4}", "dssim_scales"),
    "zero steps": (GOOD.replace("steps: 10", "steps: 0"), "steps"),
    "a precision that is none": (GOOD + "precision: float8", "precision"),
    "no YAML": ("network: [", "not valid YAML"),
    "a list": ("- 1\n- 2", "keys and values"),
    "nothing": ("", "keys and values"),
    "a consent that says nothing": (GOOD + "consent: {who: ''}", "consent: .*leave it out"),
    "a misspelt word of consent": (
        GOOD + "consent: {bassis: release}",
        "consent.bassis.*did you mean basis",
    ),
    "a day that is none": (GOOD + "consent: {date: 2026-13-01}", "month must be in 1..12"),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, name: str) -> None:
    text, words = BAD[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words) as refused:
        read_config(path)
    assert "bad.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_missing_preset(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no configuration"):
        read_config(tmp_path / "nothing.yaml")
    with pytest.raises(UsageError, match="smoke"):
        preset_path("smoky")


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("steps=20", "steps", 20),
        ("optimizer.learning_rate=1e-4", "optimizer.learning_rate", 1e-4),
        ("loss.dssim=0", "loss.dssim", 0),
    ],
)
def test_a_setting_can_be_overridden(good: Path, change: str, key: str, value: float) -> None:
    changed = list(differences(read_config(good), read_config(good, [change])))
    assert [(k, new) for k, _, new in changed] == [(key, value)]
    assert change_config(read_config(good), [change]) == read_config(good, [change])


@pytest.mark.parametrize(
    ("written", "changes", "said"),
    [
        ("", ["consent.who=Ben", "consent.date=2026-11-01"], "Ben; 2026-11-01"),
        (
            "consent: {who: Ben, basis: release}",
            ["consent.note=signed in Bern"],
            "Ben; basis: release; signed in Bern",
        ),
        # As runs were begun before there was a record.
        ("consent: both agreed", [], "both agreed"),
        ("consent: both agreed", ["consent=null"], "None"),
    ],
)
def test_consent_can_be_recorded_later(
    good: Path, written: str, changes: list[str], said: str
) -> None:
    good.write_text(GOOD + written)
    config = change_config(read_config(good), changes)
    assert str(config.consent) == said
    assert read_config(good, changes) == config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("steps", "key=value"),
        ("stepz=3", "did you mean steps"),
        ("consent.date=2026-02-30", "not valid YAML"),
        ("steps.more=3", "is a value"),
    ],
)
def test_a_wrong_override_is_refused(good: Path, change: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_config(good, [change])


def test_yaml_and_back(good: Path, tmp_path: Path) -> None:
    config = read_config(good)
    (tmp_path / "again.yaml").write_text(to_yaml(config))
    assert read_config(tmp_path / "again.yaml") == config
    assert read_config(tmp_path / "again.yaml").sha256() == config.sha256()


@pytest.mark.parametrize("path", sorted(presets_directory().glob("*.yaml")), ids=lambda p: p.stem)
def test_every_preset_is_valid_and_opens_with_its_command_time_and_result(path: Path) -> None:
    assert preset_path(path.stem) == path
    read_config(path)
    head = path.read_text().split("network:")[0]
    assert f"faceloom train --config {path.stem}" in head
    for word in ("Hardware and time:", "Result:"):
        assert word in head
    assert "TBD" not in head
    assert yaml.safe_load(path.read_text())
