"""The project keeps presets of the blend."""

from pathlib import Path

import pytest
from tests.helpers.studio.server import StudioServer

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.studio.conversion.blend_presets import PRESETS_FILE, BlendPresets
from faceloom.studio.conversion.swap_settings import SwapSettings


def test_a_preset_is_saved_replaced_and_deleted(tmp_path: Path) -> None:
    BlendPresets(tmp_path).save(" soft ", SwapSettings(feather=0.1, select="track:4"))
    BlendPresets(tmp_path).save("Hard", SwapSettings(mask="mesh", erode=0.0))
    presets = BlendPresets(tmp_path)
    assert [(preset.name, preset.settings) for preset in presets.all()] == [
        ("Hard", SwapSettings(mask="mesh", erode=0.0)),
        ("soft", SwapSettings(feather=0.1)),
    ]
    presets.save("soft", SwapSettings(feather=0.2))
    assert [preset.settings.feather for preset in presets.all()] == [None, 0.2]
    presets.delete("Hard")
    presets.delete("Hard")
    assert [preset.name for preset in presets.all()] == ["soft"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb"])
def test_a_preset_needs_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="has no name"):
        BlendPresets(tmp_path).save(name, SwapSettings())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{", '{"schema": 2}', '{"schema": 1, "presets": [{"force": 1}]}'])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / PRESETS_FILE).write_text(text)
    with pytest.raises(ArtifactRefused, match=PRESETS_FILE):
        BlendPresets(tmp_path).save("soft", SwapSettings())
    assert (tmp_path / PRESETS_FILE).read_text() == text


def test_the_page_saves_and_deletes(server: StudioServer) -> None:
    saved = server.post("/presets/save", name="soft", settings={"feather": 0.1, "mask": "mesh"})
    assert saved.json == server.get("/presets").json
    (preset,) = saved.json["presets"]
    assert preset == {"name": "soft", "settings": {"feather": 0.1, "mask": "mesh"}}
    refused = server.post("/presets/save", name="soft", settings={"feather": 9})
    assert (refused.status, "settings.feather" in refused.json["error"]) == (400, True)
    assert server.post("/presets/delete", name="soft").json == {"presets": []}
