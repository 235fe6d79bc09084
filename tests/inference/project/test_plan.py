"""The commands of a swap, what they depend on, and when they are complete."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.inference.project.conftest import choices

from faceloom.project import Project, SwapPlan, SwapSettings
from faceloom.project.plan import build_steps
from faceloom.project.project_file import PersonChoice, StepRecord, SwapChoices, TrainingChoice
from faceloom.project.step import OnExisting, Step

COMMANDS = [
    "faceloom extract ben.mp4 --out project/faces/ben --name ben",
    "faceloom extract clip.mp4 --out project/faces/ada --name ada",
    "faceloom review project/faces/ben project/faces/ada --target clip.mp4 --every 1 "
    "--report project/review-clip.html",
    "faceloom train --config smoke --faces ada=project/faces/ada --faces ben=project/faces/ben "
    "--run project/runs/ben-ada-smoke --steps 7 --set preview_every=100 "
    "--set checkpoint_every=100",
    "faceloom export project/runs/ben-ada-smoke --identity ben "
    "--out project/bundles/ben-ada-smoke.bundle",
    "faceloom convert clip.mp4 --bundle project/bundles/ben-ada-smoke.bundle "
    "--preview project/preview-out.png",
    "faceloom convert clip.mp4 --bundle project/bundles/ben-ada-smoke.bundle --out out.mp4",
    "faceloom compare clip.mp4 out.mp4 --identity project/faces/ben --other project/faces/ada "
    "--every 1 --report project/compare-out.html",
]


def test_the_commands_are_those_that_a_user_would_type(make_plan: Callable[..., SwapPlan]) -> None:
    assert [step.to_shell() for step in make_plan().steps] == COMMANDS


GUEST = PersonChoice(name="ben", every=4, references=("people/guest.png",), people=2, faces=90)
CROWD = PersonChoice(name="ada", every=1, references=("people/target.png",), people=3, faces=75)
LONGER = TrainingChoice(run="ben-ada-smoke", preset="smoke", steps=9, seconds=30)
WARM = TrainingChoice(run="a", preset="smoke", steps=7, init_from="b", seconds=30)


@pytest.mark.parametrize(
    ("changes", "step", "part"),
    [
        ({"guest": GUEST}, 0, "--every 4 --reference project/people/guest.png"),
        ({"target": CROWD}, 1, "--reference project/people/target.png"),
        ({"target": CROWD}, 5, "--reference project/people/target.png"),
        ({"target": CROWD}, 6, "--reference project/people/target.png"),
        ({"frames": 1200}, 2, "--every 10"),
        ({"frames": 1201}, 7, "--every 3"),
        ({"training": LONGER}, 3, "--steps 9"),
        ({"training": WARM}, 3, "--init-from project/runs/b --run project/runs/a"),
    ],
)
def test_decisions_are_in_the_commands(
    make_plan: Callable[..., SwapPlan], changes: dict[str, object], step: int, part: str
) -> None:
    assert part in make_plan(choices(**changes)).steps[step].to_shell()
    assert part not in make_plan().steps[step].to_shell()


def test_options_of_the_conversion_reach_preview_and_conversion(settings: SwapSettings) -> None:
    options = ("--color", "rct", "--encoder", "x265", "--quality", "60", "--speed", "small")
    changed = replace(settings, convert_options=options)
    steps = build_steps(changed, choices(), Project.read(settings.project))
    assert shlex.join(steps[6].arguments).endswith(f"--out out.mp4 {' '.join(options)}")
    encoding = changed.conversion().encoding
    assert (encoding.encoder, encoding.quality, encoding.speed) == ("x265", 60, "small")
    # A preview is a picture, which no video encoder writes.
    assert shlex.join(steps[5].arguments).endswith("preview-out.png --color rct")


def test_a_network_of_the_same_person_is_used_again(settings: SwapSettings) -> None:
    project = Project.read(settings.project)
    bundle = project.bundle("ben-ada-smoke")
    project.record_step(bundle, StepRecord(key="trained", before="", done=True))
    made = choices(trained_target="ada").model_copy(
        update={"target": PersonChoice(name="clip2", every=1, faces=75)}
    )
    steps = build_steps(settings, made, project)
    commands = [step.arguments[0] for step in steps]
    assert commands == ["extract", "review", "convert", "convert", "compare"]
    assert str(bundle) in steps[3].arguments
    project.record_step(bundle, StepRecord(key="trained longer", before="", done=True))
    again = build_steps(settings, made, project)
    assert [a.key != b.key for a, b in zip(steps, again, strict=True)] == [0, 0, 1, 1, 1]


# Which of the eight steps have another key after a change.
@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (lambda s, c: (s, c), []),
        (lambda s, c: (replace(s, out=Path("other.mp4")), c), []),
        (lambda s, c: (replace(s, target=Path("other/clip.mp4")), c), [1, 2, 3, 4, 5, 6, 7]),
        (lambda s, c: (replace(s, convert_options=("--color", "rct")), c), [5, 6, 7]),
        (lambda s, c: (s, c.model_copy(update={"training": LONGER})), [3, 4, 5, 6, 7]),
        (lambda s, c: (s, c.model_copy(update={"guest": GUEST})), [0, 2, 3, 4, 5, 6, 7]),
        (lambda s, c: (s, c.model_copy(update={"spent": 9.0, "minutes": 3.0})), []),
    ],
    ids=["nothing", "output", "target", "color", "steps", "guest", "time"],
)
def test_a_change_concerns_only_what_depends_on_it(
    settings: SwapSettings,
    change: Callable[[SwapSettings, SwapChoices], tuple[SwapSettings, SwapChoices]],
    changed: list[int],
) -> None:
    project = Project.read(settings.project)
    before = build_steps(settings, choices(), project)
    after = build_steps(*change(settings, choices()), project)
    assert [i for i in range(8) if before[i].key != after[i].key] == changed


def test_another_target_is_reviewed_again(settings: SwapSettings) -> None:
    project = Project.read(settings.project)
    made = choices(trained_target="ada")
    other = replace(settings, target=Path("ben.mp4"))
    keys = [build_steps(each, made, project)[1].key for each in (settings, other)]
    assert keys[0] != keys[1]


def test_the_artifact_of_numbered_images_is_their_folder(settings: SwapSettings) -> None:
    numbered = replace(settings, out=Path("frames/n_%05d.png"))
    *_, convert, compare = build_steps(numbered, choices(), Project.read(settings.project))
    assert convert.artifact == Path("frames")
    assert compare.arguments[2] == "frames"


@pytest.mark.parametrize(
    ("checkpoints", "steps"),
    [((), 0), (("step-00000200", "step-00000300"), 300), (("step-00000200.part", "other"), 0)],
)
def test_steps_that_were_only_planned_do_not_count(
    settings: SwapSettings, checkpoints: tuple[str, ...], steps: int
) -> None:
    project = Project.read(settings.project)
    for name in checkpoints:
        (project.run("run") / "checkpoints" / name).mkdir(parents=True)
    project.record_step(project.run("run"), StepRecord(key="k", before=""))
    assert project.trained_steps("run") == steps


def test_new_footage_concerns_everything(settings: SwapSettings) -> None:
    project = Project.read(settings.project)
    before = build_steps(settings, choices(), project)
    settings.guests[0].write_text("other")
    after = build_steps(settings, choices(), project)
    assert [i for i in range(8) if before[i].key != after[i].key] == [0, 2, 3, 4, 5, 6, 7]


STEP = Step("title", ("extract",), Path("set"), "k", 1.0, marker="faceset.json")


@pytest.mark.parametrize(
    ("record", "artifact", "policy", "done"),
    [
        (None, True, OnExisting.REPLACE, False),
        (StepRecord(key="k", before="", done=True), True, OnExisting.REPLACE, True),
        (StepRecord(key="k", before="", done=True), False, OnExisting.REPLACE, False),
        (StepRecord(key="other", before="", done=True), True, OnExisting.REPLACE, False),
        # Killed after the artifact had appeared.
        (StepRecord(key="k", before=""), True, OnExisting.REPLACE, True),
        (StepRecord(key="k", before=""), False, OnExisting.REPLACE, False),
        # Killed while the earlier artifact was to be replaced.
        (StepRecord(key="k", before="same"), True, OnExisting.REPLACE, False),
        # A run's folder grows: that it exists says nothing.
        (StepRecord(key="k", before=""), True, OnExisting.CONTINUE, False),
        (StepRecord(key="k", before="", done=True), True, OnExisting.CONTINUE, True),
    ],
)
def test_a_step_is_done(
    settings: SwapSettings,
    record: StepRecord | None,
    artifact: bool,
    policy: OnExisting,
    done: bool,
) -> None:
    step = replace(STEP, on_existing=policy)
    if artifact:
        Path("set").mkdir()
        Path("set/faceset.json").touch()
    project = Project.read(settings.project)
    if record:
        if record.before == "same":
            record = record.model_copy(update={"before": step.signature()})
        project.record_step(step.artifact, record)
    assert step.is_done(Project.read(settings.project)) is done


@pytest.mark.parametrize(
    ("policy", "key", "exists", "extra"),
    [
        (OnExisting.REPLACE, "k", False, ()),
        (OnExisting.REPLACE, "k", True, ("--force",)),
        (OnExisting.RESUME, "k", False, ("--resume",)),
        (OnExisting.RESUME, "old", True, ("--force",)),
        (OnExisting.CONTINUE, "k", True, ()),
    ],
)
def test_the_command_fits_what_is_there(
    settings: SwapSettings, policy: OnExisting, key: str, exists: bool, extra: tuple[str, ...]
) -> None:
    step = replace(STEP, on_existing=policy)
    if exists:
        Path("set").mkdir()
    project = Project.read(settings.project)
    project.record_step(step.artifact, StepRecord(key=key, before=""))
    assert step.command(project) == ("extract", *extra)


def test_only_previews_of_steps_are_announced(
    make_plan: Callable[..., SwapPlan], tmp_path: Path
) -> None:
    train = make_plan(choices()).steps[3]
    (tmp_path / "previews").mkdir()
    for name in ("examples.png", "step-00000100.png"):
        (tmp_path / "previews" / name).touch()
    assert [path.name for path in tmp_path.glob(train.pictures)] == ["step-00000100.png"]
