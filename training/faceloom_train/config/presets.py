"""The configurations that ship with Faceloom."""

from pathlib import Path

from faceloom.errors import UsageError


def preset_path(name: str) -> Path:
    """Return the YAML file of a preset.

    Args:
        name: A preset's name, such as "smoke", or the path of a YAML file.

    Raises:
        UsageError: There is no such preset.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return path
    shipped = presets_directory() / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    known = ", ".join(sorted(file.stem for file in presets_directory().glob("*.yaml")))
    raise UsageError(f"There is no preset {name!r}; choose {known}, or give a YAML file.")


def presets_directory() -> Path:
    """Return the folder of the presets: in the installed package, or `configs/` in a checkout."""
    packaged = Path(__file__).parents[1] / "presets"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "configs"
