"""The `train` command."""

from pathlib import Path
from typing import Annotated

import typer


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command (entry point of the group "faceloom.commands")."""
    app.command("train", help="Train or continue a run.", epilog=_EXAMPLE)(train_command)


_EXAMPLE = "Example: faceloom train --config base_128 --faces ada=faces/ada --faces ben=faces/ben --run runs/ada-ben"


def train_command(
    run: Annotated[Path, typer.Option(help="The run's folder; one that exists is continued.")],
    config: Annotated[str | None, typer.Option(help="A preset (smoke, base_128, ...) or a YAML file.")] = None,
    faces: Annotated[list[str] | None, typer.Option(help="NAME=FACESET, once for each identity.")] = None,
    init_from: Annotated[
        Path | None, typer.Option(help="Begin with what this run has learned: other people or another size, too.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train up to this step.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after this time.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, overrides a setting.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Train or continue a run."""
    from faceloom.cli.console import print_result, silent_start, stops_on_interrupt
    from faceloom.cli.extras import needs

    changes = [*(set_ or []), *([f"steps={steps}"] if steps else [])]
    named = _named_paths(faces or [])
    with needs("train"), silent_start():
        from faceloom_train.config import TrainConfig, change_config, read_config
        from faceloom_train.display import training_display
        from faceloom_train.ending import sentence
        from faceloom_train.presets import preset_path
        from faceloom_train.run import Run
        from faceloom_train.trainer import open_run, train

    def settings(current: TrainConfig | None) -> TrainConfig | None:
        if config is not None:
            return read_config(preset_path(config), changes)
        return current and change_config(current, changes)

    opened = open_run(run, named, settings, init_from)
    with stops_on_interrupt() as stop_asked:
        with training_display(opened) as report:
            summary = train(opened, report, stop_asked, minutes)
        print_result(summary, sentence(Run.read(run), summary), json=json)
        if stop_asked():
            from faceloom.errors import Stopped

            raise Stopped(f"Stopped at step {summary.step}; the same command continues it.")


def _named_paths(faces: list[str]) -> dict[str, Path]:
    from faceloom.errors import UsageError

    named: dict[str, Path] = {}
    for entry in faces:
        name, equals, path = entry.partition("=")
        if not equals or not name or not path:
            raise UsageError(f"--faces {entry}: write it as NAME=FACESET, as in --faces ada=faces/ada.")
        if name in named:
            raise UsageError(f"--faces {entry}: {name} is there already; give each identity its own name.")
        named[name] = Path(path)
    return named
