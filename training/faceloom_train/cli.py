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
    config: Annotated[
        str | None, typer.Option(help="A preset (smoke, base_128, ...) or a YAML file.")
    ] = None,
    faces: Annotated[
        list[str] | None, typer.Option(help="NAME=FACESET, once for each identity.")
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            help="Begin with what this run has learned: other people or another size, too."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train up to this step.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after this time.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE, overrides a setting.")
    ] = None,
    devices: Annotated[
        str, typer.Option(help="How many GPUs of this machine share each step, or all.")
    ] = "1",
    workers: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT,HOST:PORT,...: machines that train together; the first keeps the run."
        ),
    ] = None,
    worker: Annotated[
        int | None, typer.Option(min=0, help="Which of --workers this is, from 0.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Train or continue a run."""
    from faceloom.cli.console import (
        print_result,
        progress_display,
        silent_start,
        stops_on_interrupt,
    )
    from faceloom.cli.optional_dependencies import needs

    changes = [*(set_ or []), *([f"steps={steps}"] if steps else [])]
    named = _named_paths(faces or [])
    with needs("train"), silent_start():
        from faceloom_train.config.presets import preset_path
        from faceloom_train.config.schema import TrainConfig, change_config, read_config
        from faceloom_train.distributed.strategy import open_devices
        from faceloom_train.loop.summary import sentence
        from faceloom_train.loop.trainer import open_run, train
        from faceloom_train.loop.worker import faces_here, train_along
        from faceloom_train.reporting.progress_display import training_display
        from faceloom_train.runs.run_directory import Run

    def settings(current: TrainConfig | None) -> TrainConfig | None:
        if config is not None:
            return read_config(preset_path(config), changes)
        return current and change_config(current, changes)

    with progress_display() as waiting:
        places = open_devices(devices, workers, worker, waiting)
    with places, stops_on_interrupt() as stop_asked:
        if places.number > 0:
            with progress_display() as report:
                followed = train_along(faces_here(run, named), places, report, stop_asked)
            told = f"Worker {worker} has helped {run} to step {followed.step} of {followed.total}."
            print_result(followed, told, json=json)
            _end_if(stop_asked(), followed.step)
            return
        opened = open_run(run, named, settings, init_from)
        with training_display(opened) as report:
            summary = train(opened, report, stop_asked, minutes, places)
        print_result(summary, sentence(Run.read(run), summary), json=json)
        _end_if(stop_asked(), summary.step)


def _end_if(stopped: bool, step: int) -> None:
    """Say that the user stopped it."""
    from faceloom.errors import Stopped

    if stopped:
        raise Stopped(f"Stopped at step {step}; the same command continues it.")


def _named_paths(faces: list[str]) -> dict[str, Path]:
    from faceloom.errors import UsageError

    named: dict[str, Path] = {}
    for entry in faces:
        name, equals, path = entry.partition("=")
        if not equals or not name or not path:
            raise UsageError(
                f"--faces {entry}: write it as NAME=FACESET, as in --faces ada=faces/ada."
            )
        if name in named:
            raise UsageError(
                f"--faces {entry}: {name} is there already; give each identity its own name."
            )
        named[name] = Path(path)
    return named
