"""Configurations are validated: a misspelled or impossible setting is named, with the way out."""

from pathlib import Path

import pytest
import yaml

from faceloom.errors import UsageError
from faceloom_train.config import (
    change_config,
    differences,
    preset_path,
    presets_directory,
    read_config,
)

VALID = """
network:
  {kind: df, size: 64, encoder: [8, 16], latent_dim: 16, decoder: [16, 8], residual_blocks: [0, 1]}
steps: 10
batch_size: 4
"""

INVALID = {
    "misspelled key": (VALID + "batchsize: 3", "batchsize.*did you mean batch_size"),
    "misspelled nested key": (
        VALID + "optimizer: {learing_rate: 1}",
        "optimizer.learing_rate.*learning_rate",
    ),
    "key similar to no other": (VALID + "zzz: 3", "no setting zzz.*configs/"),
    "wrong type": (VALID + "seed: many", "seed: .*integer"),
    "negative size": (VALID.replace("size: 64", "size: -64"), r"network\.df\.size"),
    "size that cannot be halved": (VALID.replace("size: 64", "size: 40"), "multiple of 16"),
    "unknown network": (VALID.replace("kind: df", "kind: gan"), "network"),
    "no network": ("steps: 1\nbatch_size: 1", "network"),
    "too many levels of residual blocks": (
        VALID.replace("[0, 1]", "[0, 1, 1]"),
        "residual_blocks needs one number for each",
    ),
    "all stages shared": (
        VALID.replace("kind: df", "kind: df, shared_stages: 2"),
        "shared_stages must be less",
    ),
    "mask decoder with too many levels": (
        VALID.replace("latent_dim: 16", "latent_dim: 16, shared_stages: 0, mask_decoder: [4, 4]"),
        "mask_decoder needs",
    ),
    "mask decoder without doublings": (
        VALID.replace("latent_dim: 16", "latent_dim: 16, mask_decoder: [4]"),
        "of the 0 doublings",
    ),
    "inters with all stages": (
        VALID.replace("kind: df", "kind: liae, inter_stages: 2"),
        "inter_stages must be less",
    ),
    "odd channels that inters cannot halve": (
        VALID.replace("df", "liae").replace("[16, 8]", "[16, 7]"),
        "even numbers",
    ),
    "setting of the other network": (
        VALID.replace("kind: df", "kind: liae, shared_stages: 1"),
        "no setting network.shared_stages",
    ),
    "shift without a mean face": (
        VALID.replace(
            "latent_dim: 16", "latent_dim: 16, mean_face: false, mean_face_max_shift: 0.1"
        ),
        "mean_face: true",
    ),
    "light without a shift": (
        VALID.replace("latent_dim: 16", "latent_dim: 16, mean_face_light: true"),
        "mean_face_light needs mean_face_max_shift",
    ),
    "finer shift without a shift": (
        VALID.replace("latent_dim: 16", "latent_dim: 16, mean_face_shift_scale: 2"),
        "mean_face_shift_scale: 2 needs mean_face_max_shift",
    ),
    "output scale larger than the stride": (
        VALID.replace("latent_dim: 16", "latent_dim: 16, output_stride: 2, output_scale: 4"),
        "network.output_scale is 4 and must not exceed network.output_stride, which is 2",
    ),
    "micro-batch that does not divide the batch": (
        VALID + "micro_batch_size: 3",
        "micro_batch_size 3 must divide batch_size 4",
    ),
    "too many scales": (VALID + "loss: {dssim_scales: 4}", "dssim_scales"),
    "zero steps": (VALID.replace("steps: 10", "steps: 0"), "steps"),
    "unknown precision": (VALID + "precision: float8", "precision"),
    "not YAML": ("network: [", "not valid YAML"),
    "deep nesting": ("[" * 60, "more than 50 levels"),
    "alias": ("a: &a 1\nb: *a", "aliases are not supported"),
    "list": ("- 1\n- 2", "keys and values"),
    "empty file": ("", "keys and values"),
    "empty consent": (VALID + "consent: {person: ''}", "consent: .*leave it out"),
    "misspelled key of consent": (
        VALID + "consent: {bassis: release}",
        "consent.bassis.*did you mean basis",
    ),
    "invalid date": (VALID + "consent: {date: 2026-13-01}", "month must be in 1..12"),
}


@pytest.fixture
def valid(tmp_path: Path) -> Path:
    path = tmp_path / "valid.yaml"
    path.write_text(VALID)
    return path


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_configuration_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, message = INVALID[name]
    path = tmp_path / "invalid.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as error:
        read_config(path)
    assert "invalid.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_missing_preset_are_refused(tmp_path: Path) -> None:
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
def test_a_setting_can_be_overridden(valid: Path, change: str, key: str, value: float) -> None:
    changed = list(differences(read_config(valid), read_config(valid, [change])))
    assert [(k, new) for k, _, new in changed] == [(key, value)]
    assert change_config(read_config(valid), [change]) == read_config(valid, [change])


@pytest.mark.parametrize(
    ("written", "changes", "expected"),
    [
        ("", ["consent.person=Ben", "consent.date=2026-11-01"], "Ben; 2026-11-01"),
        (
            "consent: {person: Ben, basis: release}",
            ["consent.note=signed in Bern"],
            "Ben; basis: release; signed in Bern",
        ),
        # Consent may also be plain text.
        ("consent: both agreed", [], "both agreed"),
        ("consent: both agreed", ["consent=null"], "None"),
    ],
)
def test_consent_can_be_recorded_later(
    valid: Path, written: str, changes: list[str], expected: str
) -> None:
    valid.write_text(VALID + written)
    config = change_config(read_config(valid), changes)
    assert str(config.consent) == expected
    assert read_config(valid, changes) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps", "key=value"),
        ("stepz=3", "did you mean steps"),
        ("consent.date=2026-02-30", "not valid YAML"),
        ("steps.more=3", "is a value"),
    ],
)
def test_an_invalid_override_is_refused(valid: Path, change: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_config(valid, [change])


def test_a_dumped_configuration_can_be_read_again(valid: Path, tmp_path: Path) -> None:
    config = read_config(valid)
    # JSON is valid YAML.
    (tmp_path / "again.yaml").write_text(config.model_dump_json())
    assert read_config(tmp_path / "again.yaml") == config
    assert read_config(tmp_path / "again.yaml").sha256() == config.sha256()


@pytest.mark.parametrize("path", sorted(presets_directory().glob("*.yaml")), ids=lambda p: p.stem)
def test_every_preset_is_valid_and_starts_with_its_command_time_and_result(path: Path) -> None:
    assert preset_path(path.stem) == path
    read_config(path)
    header = path.read_text().split("network:")[0]
    assert f"faceloom train --config {path.stem}" in header
    for word in ("Hardware and time:", "Result:"):
        assert word in header
    assert "TBD" not in header
    assert yaml.safe_load(path.read_text())
