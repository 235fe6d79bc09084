"""The `train` command."""

from pathlib import Path
from typing import Annotated

import typer


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom` (entry point of the group "faceloom.commands")."""
    app.command("train", help="Train a new run or continue one.", epilog=_EXAMPLE)(train_command)


_EXAMPLE = (
    "Example: faceloom train --config base_128 --faces ada=faces/ada --faces ben=faces/ben "
    "--run runs/ada-ben"
)


def train_command(
    run: Annotated[Path, typer.Option(help="The run's folder; an existing run is continued.")],
    config: Annotated[
        str | None, typer.Option(help="A preset (smoke, base_128, ...) or a YAML file.")
    ] = None,
    faces: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FACESET, once for each person: the target's and the source's."),
    ] = None,
    rename: Annotated[
        bool, typer.Option("--rename", help="Allow a NAME that is not the one in its face set.")
    ] = False,
    init_from: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|BASE|none",
            help="Start from the weights of this run, whose identities and size may differ, or of "
            "this base: the name of one that ships, or an .npz file; none: start from random "
            "weights. Without it, a run starts from the base that its preset names, if any.",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train up to this step.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after this time.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE, overrides a setting.")
    ] = None,
    devices: Annotated[
        str, typer.Option(help="How many GPUs of this machine to use, or all.")
    ] = "1",
    workers: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT,HOST:PORT,...: machines that train together; the first keeps the run."
        ),
    ] = None,
    worker: Annotated[
        int | None, typer.Option(min=0, help="Which of --workers this one is, from 0.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Train a new run or continue one.

    A run learns all its faces. Whose face goes where is chosen afterwards: `export --identity ben`
    makes a bundle with which `convert` puts ben's face on the person in a video.
    """
    from faceloom.cli.console import print_result, progress_display, silence_stderr
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.errors import PartlyDone
    from faceloom.interrupts import graceful_stop
    from faceloom.output_lock import lock_output

    changes = [*(set_ or []), *([f"steps={steps}"] if steps else [])]
    named = _parse_faces(faces or [])
    with requires_extra("train"), silence_stderr():
        from faceloom_train.config import TrainConfig, change_config, preset_path, read_config
        from faceloom_train.distributed import open_strategy
        from faceloom_train.loop import (
            local_face_sets,
            result_text,
            summary_text,
            train,
            train_as_worker,
        )
        from faceloom_train.reporting import training_display
        from faceloom_train.runs import Run
        from faceloom_train.runs.open_run import open_run

    def settings(current: TrainConfig | None) -> TrainConfig | None:
        if config is not None:
            return read_config(preset_path(config), changes)
        return current and change_config(current, changes)

    with progress_display() as report:
        strategy = open_strategy(devices, workers, worker, report)
    with strategy, graceful_stop("the steps since the last checkpoint") as stop_requested:
        if strategy.worker_index > 0:
            with progress_display() as report:
                face_sets = local_face_sets(run, named)
                helped = train_as_worker(face_sets, strategy, report, stop_requested)
            text = f"Worker {worker} trained {run} up to step {helped.step} of {helped.total}."
            print_result(helped, text, json=json)
            _raise_if_stopped(stop_requested(), helped.step)
            return
        with lock_output(run):
            opened = open_run(run, named, settings, init_from, rename=rename)
            try:
                with training_display(opened) as report:
                    summary = train(opened, report, stop_requested, minutes, strategy)
            except PartlyDone:
                # Diverged or out of memory: what was reached before still counts.
                print_result(None, result_text(opened), json=False, to_stderr=True)
                raise
        print_result(summary, summary_text(Run.read(run), summary), json=json)
        _raise_if_stopped(stop_requested(), summary.step)


def _raise_if_stopped(stopped: bool, step: int) -> None:
    from faceloom.errors import Stopped

    if stopped:
        raise Stopped(f"Stopped at step {step}; the same command continues it.")


def _parse_faces(faces: list[str]) -> dict[str, Path]:
    """Parse the values of --faces; raise UsageError if one is invalid."""
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
                f"--faces {entry}: {name} is named twice; give each identity its own name."
            )
        named[name] = Path(path)
    return named
