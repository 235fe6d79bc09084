"""Several targets: each is converted on its own, whatever happens to the others."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images

from faceloom.errors import MediaUnreadable, ProviderMissing, UsageError
from faceloom.image_io import read_picture, write_png
from faceloom.progress import Progress, run_to_completion
from faceloom.swap import ConvertOptions, ConvertSummary
from faceloom.swap.batch.batch_jobs import (
    ConvertJob,
    check_report,
    convert_jobs,
    find_targets,
    plan_jobs,
)
from faceloom.swap.batch.job_file import read_job_file
from faceloom.swap.options import Section, SwapOptions
from faceloom.swap.pipeline.resume_key import resume_folder
from faceloom.swap.pipeline.swap_request import SwapRequest
from faceloom.video import FrameRange, probe_video, read_frames

OPTIONS = ConvertOptions(batch_size=4)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Two clips with a face, one without, a broken one, a bundle and a folder of pictures."""
    folder = tmp_path_factory.mktemp("inputs")
    pictures = [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=6)]
    (folder / "clips").mkdir()
    make_clip(folder / "clips" / "b.mp4", pictures[:4])
    make_clip(folder / "clips" / "a.mkv", pictures)
    make_clip(folder / "clips" / "empty.mp4", wave_images(3))
    (folder / "clips" / "text.mp4").write_text("no video")
    (folder / "clips" / "notes.txt").write_text("ignored")
    (folder / "stills").mkdir()
    for number, picture in enumerate(pictures[:2]):
        write_png(folder / "stills" / f"{number}.png", picture)
    make_bundle(folder / "ben.bundle")
    return folder


def request_for(inputs: Path) -> SwapRequest:
    return SwapRequest(bundle=inputs / "ben.bundle")


def test_a_failed_target_is_reported_and_the_others_continue(inputs: Path, tmp_path: Path) -> None:
    targets = find_targets([inputs / "clips"])
    assert [target.name for target in targets] == ["a.mkv", "b.mp4", "empty.mp4", "text.mp4"]
    jobs = plan_jobs(targets, tmp_path / "out", request_for(inputs), OPTIONS)
    report = run_to_completion(convert_jobs(jobs, tmp_path / "report.json"))
    assert [(row.state, row.exit_code, row.frames) for row in report.jobs] == [
        ("done", 0, 6),
        ("done", 0, 4),
        ("failed", 6, None),
        ("failed", 5, None),
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.mkv", "b.mp4"]
    again = [replace(job, options=replace(OPTIONS, resume=True)) for job in jobs]
    again = run_to_completion(convert_jobs(again, tmp_path / "report.json"))
    assert [row.state for row in again.jobs] == ["skipped", "skipped", "failed", "failed"]


@pytest.mark.parametrize(
    ("key_seconds", "state", "work_is_left"),
    [(-1, "skipped", False), (None, "skipped", False), (1, "failed", True)],
    ids=["older key", "removed key", "newer key"],
)
def test_an_output_that_is_newer_than_its_unfinished_work_is_complete(
    inputs: Path, tmp_path: Path, key_seconds: int | None, state: str, work_is_left: bool
) -> None:
    """A kill after the last rename leaves such work; `--force` that was interrupted, the other."""
    out = tmp_path / "b.mp4"
    out.write_bytes(b"an output")
    work = resume_folder(out)
    work.mkdir()
    if key_seconds is not None:
        (work / "conversion.json").write_text("{}")
        changed = out.stat().st_mtime + key_seconds
        os.utime(work / "conversion.json", (changed, changed))
    options = replace(OPTIONS, resume=True)
    job = ConvertJob(inputs / "clips" / "b.mp4", out, request_for(inputs), options)
    (row,) = run_to_completion(convert_jobs([job], tmp_path / "report.json")).jobs
    assert (row.state, work.exists()) == (state, work_is_left)
    assert out.read_bytes() == b"an output"


def test_auto_chooses_one_provider_for_all_targets_of_a_source(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial would choose another provider each time; what ends early chooses none."""
    trials, used = iter(["cuda", "openvino", "cpu"]), []

    def fake(target: Path, request: SwapRequest, _: Path, options: ConvertOptions):
        yield Progress("convert", 0, 1)
        if target.name == "broken.mp4":
            raise MediaUnreadable("broken.mp4 is broken.")
        provider = next(trials) if options.provider == "auto" else options.provider
        used.append((target.name, request.bundle, provider))
        return ConvertSummary(1, 1, provider, "fp32", 1.0)

    monkeypatch.setattr("faceloom.swap.batch.batch_jobs.convert_request", fake)
    ben, ada = (SwapRequest(bundle=inputs / name) for name in ("ben.bundle", "ada.bundle"))
    named = replace(OPTIONS, provider="cpu")
    jobs = [
        ConvertJob(Path(name), tmp_path / name, request, options)
        for name, request, options in [
            ("broken.mp4", ben, OPTIONS),
            ("1.mp4", ben, OPTIONS),
            ("2.mp4", ben, OPTIONS),
            ("3.mp4", ada, OPTIONS),
            ("4.mp4", ben, named),
            ("5.mp4", ben, OPTIONS),
        ]
    ]
    run_to_completion(convert_jobs(jobs, tmp_path / "report.json"))
    assert [provider for *_, provider in used] == ["cuda", "cuda", "openvino", "cpu", "cuda"]
    # An interrupted target goes on where it ran, which `convert_request` reads from its folder.
    resumed = ConvertJob(Path("6.mp4"), tmp_path / "6.mp4", ben, replace(OPTIONS, resume=True))
    resume_folder(resumed.out).mkdir()
    run_to_completion(convert_jobs([jobs[4], resumed], tmp_path / "report.json"))
    assert used[-1] == ("6.mp4", ben.bundle, "cpu")
    assert next(trials, None) is None


def test_a_provider_that_starts_no_more_is_chosen_anew(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[str, str]] = []

    def fake(target: Path, request: SwapRequest, _: Path, options: ConvertOptions):
        yield Progress("convert", 0, 1)
        used.append((target.name, options.provider))
        if options.provider == "cuda":
            raise ProviderMissing("The cuda provider is installed but does not start here.")
        provider = "cuda" if target.name == "1.mp4" else "cpu"
        return ConvertSummary(1, 1, provider, "fp32", 1.0)

    monkeypatch.setattr("faceloom.swap.batch.batch_jobs.convert_request", fake)
    names = ["1.mp4", "2.mp4", "3.mp4"]
    jobs = [ConvertJob(Path(name), tmp_path / name, request_for(inputs), OPTIONS) for name in names]
    named = replace(jobs[2], out=tmp_path / "4.mp4", options=replace(OPTIONS, provider="cuda"))
    report = run_to_completion(convert_jobs([*jobs, named], tmp_path / "report.json"))
    assert [row.state for row in report.jobs] == ["done", "done", "done", "failed"]
    assert used == [
        ("1.mp4", "auto"), ("2.mp4", "cuda"), ("2.mp4", "auto"), ("3.mp4", "cpu"),
        ("3.mp4", "cuda"),
    ]  # fmt: skip


def test_a_target_whose_sections_cannot_be_read_fails_on_its_own(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first frames can be read, and not the times of all."""

    def fails(*_: object) -> None:
        raise MediaUnreadable("The times cannot be read.")

    monkeypatch.setattr("faceloom.swap.option_timeline.read_frame_seconds", fails)
    sections = (Section(FrameRange(1, 3), SwapOptions(), swap=False),)
    request, (first, second) = request_for(inputs), ("b.mp4", "a.mkv")
    jobs = [
        ConvertJob(
            inputs / "clips" / first, tmp_path / first, request, replace(OPTIONS, sections=sections)
        ),
        ConvertJob(inputs / "clips" / second, tmp_path / second, request, OPTIONS),
    ]
    report = run_to_completion(convert_jobs(jobs, tmp_path / "report.json"))
    assert [(row.state, row.exit_code) for row in report.jobs] == [("failed", 5), ("done", 0)]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (("clips/*.mp4",), ["b.mp4", "empty.mp4", "text.mp4"]),
        (("stills", "clips/b.mp4"), ["stills", "b.mp4"]),
        (("clips/b.mp4", "missing.mp4"), ["b.mp4", "missing.mp4"]),
    ],
)
def test_targets_are_found_by_pattern_and_folder(
    inputs: Path, named: tuple[str, ...], found: list[str]
) -> None:
    assert [path.name for path in find_targets([inputs / name for name in named])] == found


def test_a_job_file_lists_conversions(inputs: Path, tmp_path: Path) -> None:
    (inputs / "jobs.toml").write_text(
        """schema = 1
bundle = "ben.bundle"
[[job]]
target = "clips/a.mkv"
out = "made/part.mp4"
range = "1:4"
[[job]]
target = "stills"
out = "made/stills"
""",
        encoding="utf-8",
    )
    first, second = read_job_file(inputs / "jobs.toml", None, replace(OPTIONS, force=True))
    assert first.options.frame_range == FrameRange.parse("1:4")
    assert second.options.frame_range is None
    report = run_to_completion(convert_jobs([first, second], tmp_path / "report.json"))
    assert [(row.state, row.frames) for row in report.jobs] == [("done", 3), ("done", 2)]
    assert probe_video(inputs / "made" / "part.mp4").frame_count == 3
    assert sorted(path.name for path in (inputs / "made" / "stills").iterdir()) == [
        "0.png",
        "1.png",
    ]


def test_an_error_of_ffmpeg_is_one_sentence_of_the_report(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Iterator[Progress]:
        yield Progress("convert", 0, 1)
        raise av.InvalidDataError(1, "Invalid data found when processing input", "x")

    monkeypatch.setattr("faceloom.swap.batch.batch_jobs.convert_request", refuse)
    jobs = plan_jobs([inputs / "clips" / "b.mp4"], tmp_path, request_for(inputs), OPTIONS)
    (row,) = run_to_completion(convert_jobs(jobs, tmp_path / "report.json")).jobs
    assert "b.mp4 cannot be read (invalid data found when processing input); " in row.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 1", "job: Field required"),
        ("schema = 2\njob = []", "schema: Input should be 1"),
        ("[[job", "cannot be read as TOML"),
        ('schema = 1\n[[job]]\ntarget = "a"\nout = "b"\nspeed = 3', r"job\.0\.speed: Extra inputs"),
        ('schema = 1\n[[job]]\ntarget = "a"\nout = "b"', "a has no bundle"),
        (
            'schema = 1\nbundle = "c"\n[[job]]\ntarget = "a"\nout = "b"\nrange = "9:3"',
            "is empty",
        ),
        (
            'schema = 1\nbundle = "c"\n'
            'job = [{target = "a", out = "o"}, {target = "b", out = "o"}]',
            "would both be written to",
        ),
    ],
)
def test_an_invalid_job_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "jobs.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        read_job_file(tmp_path / "jobs.toml", None, OPTIONS)


def test_several_targets_need_a_folder_and_distinct_names(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a folder"):
        plan_jobs(
            [Path("a.mp4"), Path("b.mp4")], tmp_path / "one.mp4", request_for(inputs), OPTIONS
        )
    with pytest.raises(UsageError, match="would both be written"):
        plan_jobs([Path("x/a.mp4"), Path("y/a.mp4")], tmp_path, request_for(inputs), OPTIONS)
    with pytest.raises(UsageError, match="contains no video"):
        find_targets([tmp_path])


def test_the_command_exits_with_8_and_writes_the_report(
    inputs: Path, tmp_path: Path, faceloom
) -> None:
    clips = inputs / "clips"
    typed = (
        "convert",
        clips / "b.mp4",
        clips / "empty.mp4",
        "--bundle",
        inputs / "ben.bundle",
        "--out",
        tmp_path,
    )
    code, out, err = faceloom(*typed, "--json")
    assert code == 8
    assert "1 of 2 targets failed: No face was found" in err
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["state"] for row in report["jobs"]] == ["done", "failed"]
    assert json.loads(out)["jobs"] == report["jobs"]


def test_a_picture_is_written_as_a_picture(inputs: Path, tmp_path: Path) -> None:
    (job,) = plan_jobs([inputs / "stills" / "0.png"], tmp_path, request_for(inputs), OPTIONS)
    assert run_to_completion(convert_jobs([job], tmp_path / "report.json")).jobs[0].frames == 1
    before, after = (read_picture(path) for path in (job.target, job.out))
    assert np.abs(before.astype(int) - after).max() > 60


def test_a_pattern_counts_as_several_targets_even_if_it_matches_one(
    inputs: Path, tmp_path: Path, faceloom
) -> None:
    typed = (
        "convert",
        inputs / "clips" / "b*.mp4",
        "--bundle",
        inputs / "ben.bundle",
        "--out",
        tmp_path / "out",
    )
    assert faceloom(*typed)[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.mp4", "report.json"]


@pytest.mark.parametrize(
    ("target", "name"),
    [("a.avi", "a.mkv"), ("b.webm", "b.webm"), ("c.bmp", "c.png"), ("d.jpg", "d.jpg")],
)
def test_an_unsupported_container_gets_another_extension(
    inputs: Path, tmp_path: Path, target: str, name: str
) -> None:
    (job,) = plan_jobs([Path(target)], tmp_path, request_for(inputs), OPTIONS)
    assert job.out.name == name


def test_image_sequences_of_two_targets_need_two_folders(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.toml").write_text(
        """schema = 1
bundle = "b"
job = [{target = "a.mp4", out = "f/a_%05d.png"}, {target = "b.mp4", out = "f/b_%05d.png"}]
""",
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match="would both be written"):
        read_job_file(tmp_path / "jobs.toml", None, OPTIONS)


def test_force_and_resume_together_are_refused_for_several_targets(
    inputs: Path, tmp_path: Path
) -> None:
    jobs = plan_jobs(
        [inputs / "clips" / "b.mp4"],
        tmp_path,
        request_for(inputs),
        replace(OPTIONS, force=True, resume=True),
    )
    with pytest.raises(UsageError, match="leave one out"):
        run_to_completion(convert_jobs(jobs, tmp_path / "report.json"))


@pytest.mark.parametrize(
    ("report", "words"),
    [("clips/b.mp4", "the input itself"), ("notes.json", "not a report"), ("clips", "a folder")],
)
def test_a_report_replaces_only_a_report(
    inputs: Path, tmp_path: Path, report: str, words: str
) -> None:
    (inputs / "notes.json").write_text("{}")
    jobs = plan_jobs([inputs / "clips" / "b.mp4"], tmp_path, request_for(inputs), OPTIONS)
    with pytest.raises(UsageError, match=words):
        check_report(inputs / report, jobs, force=False)
    check_report(tmp_path / "new.json", jobs, force=False)
