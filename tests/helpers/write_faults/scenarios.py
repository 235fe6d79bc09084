"""Short commands that write files, each with its input and its continuation."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip
from tests.helpers.dfms import write_dfm
from tests.helpers.write_faults.fault_runner import FaultRunner

from faceloom.image_io import write_png
from faceloom.video import read_frames

_SAMPLE = Path(str(files("faceloom.demo") / "sample"))
# A network that trains in a second, with two checkpoints.
_TINY_RUN = """
network:
  {kind: df, size: 32, encoder: [8], latent_dim: 8, decoder: [8], residual_blocks: [0],
   shared_stages: 0}
augmentation: {occlusion_probability: 0, degradation_probability: 0}
steps: 4
batch_size: 2
checkpoint_every: 2
log_every: 1
evaluate_every: 0
preview_every: 2
jit_compile: false
"""
# Frames of the clip.
_CLIP_FRAMES = 6
# Frames of the sample from one frame of the clip to the next.
_CLIP_STEP = 10
# Value of `extract --every`.
_EVERY = "2"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command, its input, and the command that continues it."""

    name: str
    """Name in tables."""
    arguments: tuple[str, ...]
    """Words after `faceloom`; or -m and a module, whose `main` is called instead."""
    before: tuple[tuple[str, ...], ...] = ()
    """Commands that prepare its input."""
    again: tuple[str, ...] = ()
    """Words of the command that continues; empty: the same."""
    untouched: tuple[str, ...] = ()
    """Files and folders of the input that the command never changes."""
    whole: tuple[str, ...] = ()
    """Patterns of files and folders that are at any time either the old or the new one."""
    optional: tuple[str, ...] = ()
    """Files that the command writes if it can, to be faster the next time."""
    volatile: tuple[str, ...] = ()
    """Patterns of files that differ between two runs: dates, durations."""
    tree: bool = False
    """Whether calls of the programs that the command starts fail and are recorded, too."""

    @property
    def continued(self) -> tuple[str, ...]:
        """Words of the command that continues."""
        return self.again or self.arguments


_EXTRACT = ("extract", "clip.mp4", "--out", "faces", "--name", "ada", "--every", _EVERY)
_SWAP = ("--bundle", "b.bundle", "--provider", "cpu", "--provenance")
# C2PA signs with random numbers and the date; the other marks are the same each time.
_CONVERT = ("convert", "clip.mp4", "--out", "swap.mp4", *_SWAP, "tags")
_SIGNED = ("convert", "picture.png", "--out", "swap.png", *_SWAP, "full")
_BATCH = ("convert", "clip.mp4", "picture.png", "--out", "swaps", *_SWAP, "tags")
_CURATE = ("curate", "faces", "--drop", "mouth_open>0.15", "--apply")
_TRAINED = ("run/checkpoints/step-*", "run/previews/examples.png")
_EXTRACT_BEN = ("extract", "clip.mp4", "--out", "ben", "--name", "ben")
_TRAIN = ("train", "--config", "tiny.yaml", "--faces", "ada=faces", "--faces", "ben=ben")
_NEW_RUN = (*_TRAIN, "--run", "run")
_IMPORT = ("import", "m.dfm", "--name", "ben", "--out", "imported.bundle")
_INPUT = ("clip.mp4", "ben.mp4", "picture.png", "b.bundle", "m.dfm", "tiny.yaml")

_SWAP_OPTIONS = (
    *("ben.mp4", "--onto", "clip.mp4", "--out", "swap.mp4", "--preset", "smoke", "--steps", "5"),
    *("--guest-name", "ben", "--target-name", "ada"),
)

RUNTIME_SCENARIOS = (
    Scenario("extract", _EXTRACT, untouched=_INPUT, whole=("faces",)),
    Scenario(
        "extract --add",
        ("extract", "picture.png", "--out", "faces", "--add"),
        before=(_EXTRACT,),
        untouched=_INPUT,
    ),
    Scenario(
        "extract --force",
        (*_EXTRACT, "--force"),
        before=((*_EXTRACT[:-1], "3"),),
        untouched=_INPUT,
    ),
    Scenario("curate", _CURATE, before=(_EXTRACT,), untouched=_INPUT),
    Scenario(
        "curate --undo",
        ("curate", "faces", "--undo"),
        before=(_EXTRACT, _CURATE),
        untouched=_INPUT,
    ),
    Scenario(
        "review",
        ("review", "faces", "--report", "review.html"),
        before=(_EXTRACT,),
        untouched=(*_INPUT, "faces"),
    ),
    Scenario("convert", _CONVERT, again=(*_CONVERT, "--resume"), untouched=_INPUT),
    Scenario(
        "convert in segments",
        ("-m", "tests.helpers.write_faults.segments_program"),
        untouched=_INPUT,
    ),
    Scenario(
        "convert --force",
        (*_CONVERT, "--force"),
        before=((*_CONVERT, "--erode", "0.1"),),
        untouched=_INPUT,
    ),
    Scenario(
        "convert, signed",
        _SIGNED,
        again=(*_SIGNED, "--resume"),
        untouched=_INPUT,
        volatile=("swap.png",),
    ),
    Scenario(
        "convert two targets",
        _BATCH,
        again=(*_BATCH, "--resume"),
        untouched=_INPUT,
        volatile=("swaps/report.json",),
    ),
    Scenario(
        "compare",
        ("compare", "clip.mp4", "swap.mp4", "--report", "judged.html"),
        before=(_CONVERT,),
        untouched=(*_INPUT, "swap.mp4"),
    ),
    Scenario(
        "swap, its own writes",
        ("-m", "tests.helpers.write_faults.swap_program", *_SWAP_OPTIONS),
        untouched=_INPUT,
        # What the fake program writes contains its command, with or without --resume or --force.
        volatile=(
            "starts.txt",
            "swap.mp4",
            "swap.faceloom/*/*/*",
            "swap.faceloom/project.json",
            "swap.faceloom/log.txt",
        ),
    ),
    Scenario(
        "queue of the studio",
        ("-m", "tests.helpers.write_faults.queue_program"),
        untouched=_INPUT,
        # They contain times, and how often a job was started.
        volatile=("jobs/*/job.json", "jobs/*/log.txt"),
    ),
)

TRAINER_SCENARIOS = (
    Scenario(
        "train",
        _NEW_RUN,
        before=((*_EXTRACT[:-1], "1"), _EXTRACT_BEN),
        untouched=_INPUT,
        whole=_TRAINED,
        optional=("faces/visible.npz", "ben/visible.npz"),
    ),
    Scenario(
        "train, continued",
        ("train", "--run", "run", "--steps", "4"),
        before=((*_EXTRACT[:-1], "1"), _EXTRACT_BEN, (*_NEW_RUN, "--steps", "2")),
        untouched=(*_INPUT, "faces", "ben", "run/checkpoints/step-00000002"),
        whole=_TRAINED,
    ),
    Scenario(
        "export",
        ("export", "run", "--identity", "ben", "--out", "ben.bundle"),
        before=((*_EXTRACT[:-1], "1"), _EXTRACT_BEN, _NEW_RUN),
        untouched=(*_INPUT, "faces", "ben", "run"),
        whole=("ben.bundle",),
    ),
    Scenario("import", _IMPORT, untouched=_INPUT, whole=("imported.bundle",)),
)

# Commands that run others in processes of their own.
PROCESS_SCENARIOS = (
    Scenario(
        "swap",
        ("swap", *_SWAP_OPTIONS, "--provenance", "tags"),
        untouched=_INPUT,
        volatile=("swap.faceloom/project.json", "swap.faceloom/log.txt"),
        tree=True,
    ),
)


def write_input(folder: Path) -> None:
    """Write what every command starts from: clips, a picture, models and a configuration.

    Args:
        folder: The folder to write to.
    """
    stop = _CLIP_STEP * _CLIP_FRAMES
    for person, name in (("ben", "ben.mp4"), ("ada", "clip.mp4")):
        footage = read_frames(_SAMPLE / f"target_{person}.mp4", every=_CLIP_STEP, stop=stop)
        frames = [frame.rgb for frame in footage]
        make_clip(folder / name, frames)
    write_png(folder / "picture.png", frames[-1])
    make_bundle(folder / "b.bundle")
    write_dfm(folder / "m.dfm")
    (folder / "tiny.yaml").write_text(_TINY_RUN)


def prepare(runner: FaultRunner, scenario: Scenario) -> None:
    """Make the input of a scenario in the working folder.

    Args:
        runner: Runs the commands of `before`.
        scenario: The scenario.
    """
    write_input(runner.work)
    for words in scenario.before:
        ending = runner.run(words)
        assert ending.exit_code == 0, ending.text
