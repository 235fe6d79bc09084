"""The pages of trainings: what they show, and the jobs that they add."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.project.machine_speed import MachineSpeed
from faceloom.studio.jobs.job import JobState
from faceloom.studio.pages import run_page
from faceloom.studio.runs import training_estimate
from faceloom.studio.runs.run_description import RunDescription
from faceloom.studio.runs.run_settings import RunSetting
from faceloom.studio.studio_project import ItemKind

MACHINE = MachineSpeed(2, 100.0, amx=False, avx512=True, memory_gb=8.0, gpu="", trains_on_gpu=False)


@contextmanager
def _serve(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[StudioServer]:
    project = folder / "project"
    patch.setattr(training_estimate, "_machine", lambda: MACHINE)
    patch.setattr(run_page, "training_advice", lambda: "")
    patch.setattr(run_page, "export_advice", lambda: "")
    with serve_studio(project, folder) as server:
        server.studio.runner.set_paused(True)
        for person, name in enumerate(("ada", "ben")):
            write_faceset(project / "faces" / name, good_faces(3, person), name)
        _write_run(project / "runs" / "first")
        yield server


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StudioServer]:
    """A studio with two face sets and a run, whose queue starts no job."""
    with _serve(tmp_path, monkeypatch) as server:
        yield server


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    """Such a studio for all tests that leave it as it is."""
    with (
        pytest.MonkeyPatch.context() as patch,
        _serve(tmp_path_factory.mktemp("studio"), patch) as server,
    ):
        yield server


def _write_run(run: Path) -> None:
    (run / "previews").mkdir(parents=True)
    (run / "config.yaml").write_text("schema: 2\nfaces:\n  ada: ../a\n  ben: ../b\n")
    rows = [
        {"step": 10, "seconds": 5.0, "loss": 0.75},
        {"step": 20, "seconds": 10.0, "loss": 0.5},
        {"step": 20, "swap": "ada as ben", "score": 44.4, "identity": 0.8},
        {"step": 20, "event": "trend", "advice": "more steps help: score 44.4"},
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run / "previews" / "step-00000020.png").write_bytes(b"\x89PNG sheet")


def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of every run are known, without the trainer."""
    described = RunDescription(("ada", "ben"), 128, 20, 100, checkpoints=(7, 20))
    monkeypatch.setattr(run_page, "describe_run", lambda _: described)


def _id(studio: StudioServer, kind: ItemKind, name: str = "first") -> str:
    return next(i.id for i in studio.studio.project.items(kind) if i.name == name)


def _form(studio: StudioServer, **changes: object) -> dict[str, Any]:
    ada, ben = (_id(studio, ItemKind.FACES, name) for name in ("ada", "ben"))
    form = {"name": "new", "target": ada, "source": ben, "preset": "laptop_128", "steps": 300}
    return {**form, **changes}


def test_the_page_of_a_run_shows_its_state_scores_and_advice(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known(monkeypatch)
    run = _id(studio, ItemKind.RUN)
    for path in (f"/runs/{run}", f"/runs/{run}/status"):
        text = studio.get(path).text
        assert "Step 20 of 100" in text
        assert "2.00 steps/s" in text
        assert "44.4" in text
        assert "More steps help: score 44.4." in text
    assert "first" in studio.get("/runs").text
    # Every checkpoint can be exported.
    assert '<option value="7">step 7</option>' in studio.get(f"/runs/{run}").text


def test_rows_are_sent_after_a_position(studio: StudioServer) -> None:
    address = f"/runs/{_id(studio, ItemKind.RUN)}/rows"
    first = studio.get(address).json
    assert [row["step"] for row in first["rows"]] == [10, 20, 20, 20]
    with (studio.studio.project.folder / "runs/first/metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "loss": 0.4}\n')
    second = studio.get(f"{address}?cursor={first['cursor']}").json
    assert second["rows"] == [{"step": 30, "loss": 0.4}]
    assert not second["restart"]
    assert studio.get(f"{address}?cursor=x").status == 400


def test_only_previews_that_exist_are_sent(shared_studio: StudioServer) -> None:
    run = _id(shared_studio, ItemKind.RUN)
    assert shared_studio.get(f"/runs/{run}/previews/20").content == b"\x89PNG sheet"
    assert shared_studio.get(f"/runs/{run}/previews/30").status == 400
    assert shared_studio.get("/runs/000000000000/previews/20").status == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "laptop_128"),
        ("preset=base_256&steps=100", "100 steps of base_256"),
        ("preset=smoke&steps=1000&trained=999", "smoke"),
    ],
)
def test_the_estimate_comes_before_the_training(
    shared_studio: StudioServer, query: str, words: str
) -> None:
    text = shared_studio.get(f"/runs/forecast?{query}").text
    assert words in text
    assert "2 processor cores" in text
    assert "GB of memory" in text


@pytest.mark.parametrize("query", ["preset=none", "steps=-1", "steps=x", "steps=99999999999999"])
def test_an_estimate_of_nothing_is_refused(shared_studio: StudioServer, query: str) -> None:
    assert shared_studio.get(f"/runs/forecast?{query}").status == 400


def test_a_training_is_a_job_with_both_face_sets(studio: StudioServer) -> None:
    run = _id(studio, ItemKind.RUN)
    answer = studio.post("/runs", **_form(studio, init_from=run))
    request = studio.studio.jobs.job(answer.json["job"]).request
    folder = studio.studio.project.folder
    command = " ".join(request.arguments)
    faces = f"--faces ada={folder}/faces/ada --faces ben={folder}/faces/ben"
    assert command.startswith(f"train --config laptop_128 {faces} ")
    assert f"--init-from {folder}/runs/first" in command
    assert command.endswith(f"--run {folder}/runs/new --steps 300")
    assert request.artifact == f"{folder}/runs/new"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "first"}, "exists|already"),
        ({"name": "../x"}, "not a file name"),
        ({"name": ".x"}, "not a file name"),
        ({"preset": "huge"}, "no preset huge"),
        ({"steps": 0}, "steps"),
        ({"steps": "many"}, "steps"),
        ({"target": "nobody"}, "no faces"),
        ({"init_from": "nothing"}, "no run"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_form_that_cannot_be_used_adds_no_job(
    shared_studio: StudioServer, changes: dict[str, object], words: str
) -> None:
    answer = shared_studio.post("/runs", **_form(shared_studio, **changes))
    assert answer.status == 400
    assert any(word in answer.json["error"] for word in words.split("|"))
    assert not shared_studio.studio.jobs.jobs()


def test_two_face_sets_of_one_person_are_refused(studio: StudioServer) -> None:
    folder = studio.studio.project.folder
    write_faceset(folder / "faces" / "ada2", good_faces(3), "ada")
    other = _id(studio, ItemKind.FACES, "ada2")
    for source in (other, _form(studio)["target"]):
        answer = studio.post("/runs", **_form(studio, source=source))
        assert answer.status == 400
        assert "face sets" in answer.json["error"]


def test_a_run_is_continued_and_a_paused_job_resumed(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known(monkeypatch)
    address = f"/runs/{_id(studio, ItemKind.RUN)}/continue"
    assert "more than that" in studio.post(address, steps=20).json["error"]
    number = studio.post(address, steps=100).json["job"]
    arguments = studio.studio.jobs.job(number).request.arguments
    run = f"{studio.studio.project.folder}/runs/first"
    assert arguments == ("train", "--run", run, "--steps", "100")
    # While it waits, it cannot be trained twice.
    assert studio.post(address, steps=200).status == 400
    studio.post(f"/jobs/{number}", action="stop")
    assert studio.studio.jobs.job(number).state is JobState.STOPPED
    assert studio.post(address, steps=100).json["job"] == number
    assert studio.studio.jobs.job(number).state is JobState.WAITING
    assert len(studio.studio.jobs.jobs()) == 1


CHANGEABLE = (
    RunSetting("batch_size", "8", (), "whole", 1, None, False, "Faces of a step."),
    RunSetting("loss.l1", "3.3", (), "any", 0, None, False, "Weight of the colors."),
    RunSetting("micro_batch_size", "null", ("auto", "null"), "whole", 1, None, False, "At once."),
    RunSetting("tensorboard", "false", ("true", "false"), "", None, None, False, "For it."),
    RunSetting("license", "null", ("null",), "", None, None, True, "Of the model."),
)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, []),
        ({"batch_size": "8"}, []),
        ({"batch_size": " 16 "}, ["batch_size=16"]),
        ({"loss.l1": "1e-3", "tensorboard": "true"}, ["loss.l1=1e-3", "tensorboard=true"]),
        ({"micro_batch_size": "auto"}, ["micro_batch_size=auto"]),
        ({"micro_batch_size": ""}, []),
        ({"license": "CC BY: 4.0"}, ['license="CC BY: 4.0"']),
    ],
)
def test_changed_settings_are_options_of_the_command(
    studio: StudioServer,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    options: list[str],
) -> None:
    described = RunDescription(("ada", "ben"), 128, 20, 100, changeable=CHANGEABLE)
    monkeypatch.setattr(run_page, "describe_run", lambda _: described)
    address = f"/runs/{_id(studio, ItemKind.RUN)}/continue"
    command = studio.post(f"{address}/command", steps=100, settings=settings).json["command"]
    assert not studio.studio.jobs.jobs()
    number = studio.post(address, steps=100, settings=settings).json["job"]
    request = studio.studio.jobs.job(number).request
    assert list(request.arguments[5:]) == [part for one in options for part in ("--set", one)]
    assert command == request.to_shell()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"network.size": "64"}, "network.size cannot change during a run"),
        ({"batch_size": "0"}, "a whole number from 1"),
        ({"batch_size": "1.5"}, "a whole number from 1"),
        ({"batch_size": ""}, "a whole number from 1"),
        ({"loss.l1": "nan"}, "a number from 0"),
        ({"loss.l1": "inf"}, "a number from 0"),
        ({"micro_batch_size": "none"}, "a whole number from 1 or auto, null"),
        ({"tensorboard": "maybe"}, "true, false"),
    ],
)
def test_an_impossible_change_of_a_setting_is_refused(
    shared_studio: StudioServer,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    words: str,
) -> None:
    described = RunDescription(("ada", "ben"), 128, 20, 100, changeable=CHANGEABLE)
    monkeypatch.setattr(run_page, "describe_run", lambda _: described)
    address = f"/runs/{_id(shared_studio, ItemKind.RUN)}/continue"
    for path in (address, f"{address}/command"):
        assert words in shared_studio.post(path, steps=100, settings=settings).json["error"]
    assert not shared_studio.studio.jobs.jobs()


def test_faces_are_locked_on_the_preview_sheet(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = studio.studio.project.folder
    faces = [Path(path).stem for path in sorted((folder / "faces/ada/crops").iterdir())]
    value = json.dumps([f"ada/{faces[1]}"])
    locked = RunSetting("preview_faces", value, (), "", None, None, True, "On the sheet.")
    people = (("ada", folder / "faces/ada"), ("eve", folder / "elsewhere"))
    described = RunDescription(("ada", "eve"), 128, 20, 100, changeable=(locked,), face_sets=people)
    monkeypatch.setattr(run_page, "describe_run", lambda _: described)
    run = _id(studio, ItemKind.RUN)
    text = studio.get(f"/runs/{run}").text
    assert text.count('class="face-choice"') == len(faces)
    assert f'value="ada/{faces[1]}" checked' in text
    assert f'value="ada/{faces[0]}">' in text
    assert f"/faces/{_id(studio, ItemKind.FACES, 'ada')}/thumbnail/{faces[0]}" in text
    chosen = f'["ada/{faces[0]}"]'
    answer = studio.post(f"/runs/{run}/continue", steps=100, settings={"preview_faces": chosen})
    arguments = studio.studio.jobs.job(answer.json["job"]).request.arguments
    assert arguments[-2:] == ("--set", f"preview_faces={chosen}")


def test_pinned_faces_are_on_the_sheets_of_trainings(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = studio.studio.project.folder
    ada = _id(studio, ItemKind.FACES, "ada")
    first, second, *_ = sorted(path.stem for path in (folder / "faces/ada/crops").iterdir())
    assert studio.post(f"/faces/{ada}/pinned", names=[second], pinned=True).status == 200
    job = studio.post("/runs", **_form(studio)).json["job"]
    arguments = studio.studio.jobs.job(job).request.arguments
    assert f'preview_faces=["ada/{second}"]' in arguments
    setting = RunSetting("preview_faces", "[]", (), "", None, None, True, "On the sheet.")
    people = (("ada", folder / "faces/ada"),)
    described = RunDescription(("ada",), 128, 20, 100, changeable=(setting,), face_sets=people)
    monkeypatch.setattr(run_page, "describe_run", lambda _: described)
    text = studio.get(f"/runs/{_id(studio, ItemKind.RUN)}").text
    assert f'value="ada/{second}" data-pinned' in text
    assert f'value="ada/{first}">' in text


def test_an_export_is_a_job_for_a_person_of_the_run(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known(monkeypatch)
    address = f"/runs/{_id(studio, ItemKind.RUN)}/export"
    form = {"identity": "ben", "step": "best", "name": "ben-first"}
    assert "no person eve" in studio.post(address, **{**form, "identity": "eve"}).json["error"]
    assert studio.post(address, **{**form, "step": "--force"}).status == 400
    arguments = studio.studio.jobs.job(studio.post(address, **form).json["job"]).request.arguments
    folder = studio.studio.project.folder
    expected = f"export {folder}/runs/first --identity ben --step best --out"
    assert " ".join(arguments) == f"{expected} {folder}/bundles/ben-first.bundle"


def test_without_the_trainer_the_page_says_what_to_install(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    advice = "Training needs the package keras; run: pip install keras"
    monkeypatch.setattr(run_page, "training_advice", lambda: advice)
    run = _id(studio, ItemKind.RUN)
    assert advice in studio.get("/runs").text
    assert advice in studio.get(f"/runs/{run}").text
    assert studio.post("/runs", **_form(studio)).json["error"] == advice
    assert studio.post(f"/runs/{run}/continue", steps=30).json["error"] == advice
    # The curves need nothing of it.
    assert len(studio.get(f"/runs/{run}/rows").json["rows"]) == 4


def test_a_run_whose_settings_are_damaged_is_shown(studio: StudioServer) -> None:
    run = _id(studio, ItemKind.RUN)
    answer = studio.get(f"/runs/{run}")
    assert answer.status == 200
    assert "config.yaml" in answer.text
    assert studio.post(f"/runs/{run}/continue", steps=30).status == 400
