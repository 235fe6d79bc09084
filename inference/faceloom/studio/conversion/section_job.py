"""The conversion of a clip with sections: a job file beside the output, and its command."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.atomic import write_text
from faceloom.hashing import sha256_of
from faceloom.studio.conversion.convert_command import ConvertForm
from faceloom.studio.conversion.swap_sections import SectionRow
from faceloom.studio.conversion.swap_settings import DEFAULT_SELECT, SwapSettings
from faceloom.studio.jobs.job import JobRequest

# How a job file states that a section uses the default of a setting which the conversion changes.
_DEFAULT_TEXTS = {"select": DEFAULT_SELECT}
_AUTO = "auto"
# Digits of the checksum in the name of a job file.
_CHECKSUM_DIGITS = 8


@dataclass(frozen=True, slots=True)
class SectionJob:
    """A conversion that reads a job file."""

    request: JobRequest
    """Its command."""
    path: Path
    """The job file."""
    text: str
    """What the job file contains."""

    @classmethod
    def of(cls, request: JobRequest, form: ConvertForm) -> "SectionJob":
        """Turn a conversion without sections into one with those of the form.

        The options stay on the command line; they apply where a section does not change them. The
        name of the job file depends on the output and on what the file contains, so that no other
        conversion replaces the file that a waiting job reads.

        Args:
            request: The conversion without sections: "convert", the target, and options.
            form: What to convert and how.
        """
        command, target, *options = request.arguments
        at = options.index("--out")
        out = Path(options[at + 1])
        options[at : at + 2] = []
        text = _job_file(target, out.name, form.settings, form.sections)
        stem = f"{out.name}.{sha256_of(text.encode())[:_CHECKSUM_DIGITS]}"
        path, report = (out.with_name(f"{stem}{suffix}") for suffix in (".toml", ".report.json"))
        arguments = (command, "--job", str(path), "--report", str(report), *options)
        return cls(request.model_copy(update={"arguments": arguments}), path, text)

    def write(self) -> None:
        """Write the job file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, self.text)


def _job_file(target: str, out: str, settings: SwapSettings, sections: Sequence[SectionRow]) -> str:
    lines = ["schema = 1", "", "[[job]]", f"target = {_toml(target)}", f"out = {_toml(out)}"]
    for row in sections:
        lines += ["", "[[job.section]]", f"from = {row.start}", f"to = {row.stop}"]
        changed = _changes(settings, row.settings) if row.swap else {"swap": False}
        lines += [f"{name} = {_toml(value)}" for name, value in changed.items()]
    return "\n".join(lines) + "\n"


def _changes(base: SwapSettings, own: SwapSettings) -> dict[str, str | float]:
    """Return the settings of a section that differ from those of the conversion."""
    return {
        name: _DEFAULT_TEXTS.get(name, _AUTO) if value is None else value
        for name, value in ((name, getattr(own, name)) for name in SwapSettings.model_fields)
        if value != getattr(base, name)
    }


def _toml(value: str | float | bool) -> str:
    """Return a value as TOML: its strings and numbers are written as in JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
