"""Conversion on a GPU: the tables that decision 0014 asks for.

python -m benchmarks.conversion.gpu CLIP BUNDLE [--provider cuda] [--sizes 1920x1080 ...]

Prints the rate of the network alone with several settings of the provider, the stages of one
process with each link on and off, and the whole conversion with several processes. A setting that
does not run here is named with its reason; a link that does not run falls back, with a warning.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import psutil

from benchmarks.conversion.convert import write_resized
from faceloom.bench import bench_convert
from faceloom.hashing import sha256_of_file
from faceloom.onnx_session import create_session, first_line
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import Bundle, ConvertOptions, convert
from faceloom.swap.inference.io_binding import BATCH_SIZES, DEVICES, BoundSession
from faceloom.swap.inference.providers import PROVIDERS, provider_options

# Frames of the clip whose stages are measured; the stages use the first 100 of them.
STAGE_FRAMES = 200
# Frames of the clip that several processes share, by width; larger frames take longer.
SHARED_FRAMES = {640: 1600, 1920: 1600, 3840: 480}
# Seconds for which each batch size of the network is repeated.
NETWORK_SECONDS = 1.0
# The settings of a provider that are tried on the network alone, with a name for each.
NETWORK_SETTINGS: Mapping[str, Sequence[tuple[str, str, Mapping[str, str]]]] = {
    "cuda": (
        ("cuda", "cuda", {}),
        ("cuda, heuristics", "cuda", provider_options("cuda", shared=True)),
        ("cuda, NHWC", "cuda", {"prefer_nhwc": "1"}),
        ("tensorrt", "tensorrt", {}),
        ("tensorrt, fp16", "tensorrt", {"trt_fp16_enable": "1"}),
    ),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    clip: Path
    """The clip that is enlarged."""
    bundle: Path
    """The bundle."""
    provider: str
    """The provider of the network, and of the face networks where that link is on."""
    sizes: Sequence[tuple[int, int]]
    """Widths and heights in pixels."""
    processes: Sequence[int]
    """Numbers of processes."""
    stage_frames: int
    """Frames of the clip whose stages are measured."""
    shared_frames: Mapping[int, int]
    """Frames of the clip that several processes share, by width."""

    @property
    def options(self) -> ConvertOptions:
        """The options with all links off. Marks without a signature, which differs each time."""
        return ConvertOptions(provider=self.provider, marking=MarkSettings("tags"), force=True)

    @property
    def links(self) -> dict[str, ConvertOptions]:
        """The options by the links that are on."""
        options = self.options
        faces = replace(options, face_provider=self.provider)
        return {
            "none": options,
            "face networks": faces,
            "decoder": replace(options, decoder="cuda"),
            "both": replace(faces, decoder="cuda"),
        }


def main(plan: Plan) -> None:
    print_network(plan)
    with tempfile.TemporaryDirectory() as folder:
        print_stages(plan, Path(folder))
        print_processes(plan, Path(folder))


def print_network(plan: Plan) -> None:
    """Print faces a second of the first graph by batch size and setting."""
    print("| network | " + " | ".join(map(str, BATCH_SIZES)) + " |")
    print("|---" * (1 + len(BATCH_SIZES)) + "|")
    settings = NETWORK_SETTINGS.get(plan.provider, ((plan.provider, plan.provider, {}),))
    for name, provider, options in settings:
        try:
            rates = [f"{rate:.0f}" for rate in network_rates(plan.bundle, provider, options)]
        except Exception as error:  # a provider fails with its own undocumented classes
            rates = [f"does not run: {first_line(error)}"]
        print(f"| {name} | {' | '.join(rates)} |", flush=True)


def network_rates(path: Path, provider: str, options: Mapping[str, str]) -> Iterator[float]:
    """Yield faces a second for each batch size; the buffers are bound to the device."""
    bundle = Bundle.read(path)
    graph = bundle.manifest.graphs[0]
    if provider in DEVICES:
        ort.preload_dlls()
    content = (bundle.path / graph.file).read_bytes()
    session = create_session(content, [(PROVIDERS[provider], dict(options))])
    assert session.get_providers()[0] == PROVIDERS[provider], "it fell back to the CPU"
    bound = BoundSession(session, graph, DEVICES.get(provider, "cpu"))
    for count in BATCH_SIZES:
        crops = np.zeros((count, *graph.face.shape[1:]), np.uint8)
        bound.run(crops)
        runs, started = 0, time.perf_counter()
        while (seconds := time.perf_counter() - started) < NETWORK_SECONDS or not runs:
            bound.run(crops)
            runs += 1
        yield runs * count / seconds


def print_stages(plan: Plan, folder: Path) -> None:
    """Print the stages of one process, with each link on and off."""
    print(
        "\n| clip | links | decode | analyze | predict | blend | encode | total, ms a frame "
        "| frames/s | total / slowest stage |"
    )
    print("|---" * 10 + "|")
    for width, height in plan.sizes:
        clip = write_resized(plan.clip, folder / "short.mp4", width, height, plan.stage_frames)
        for name, options in plan.links.items():
            result = run_to_completion(bench_convert(clip, plan.bundle, options))
            stages = " | ".join(f"{ms:.1f}" for ms in result.stages.values())
            print(
                f"| {width}x{height} | {name} | {stages} | {result.total_ms:.1f} "
                f"| {1000 / result.total_ms:.1f} | {result.ratio_to_slowest:.2f} |",
                flush=True,
            )


def print_processes(plan: Plan, folder: Path) -> None:
    """Print the whole conversion with several processes, whose start it includes."""
    print("\n| clip | links | processes | frames/s | processor, ms a frame | bytes as above |")
    print("|---" * 6 + "|")
    for width, height in plan.sizes:
        frames = plan.shared_frames[width]
        clip = write_resized(plan.clip, folder / "long.mp4", width, height, frames)
        # As many segments as the largest number of processes.
        length, first = max(1, frames // max(plan.processes)), ""
        for name in ("none", "both"):
            for count in plan.processes:
                options = replace(plan.links[name], workers=count, segment_length=length)
                out, used = folder / "out.mp4", processor_seconds()
                summary = run_to_completion(convert(clip, plan.bundle, out, options))
                used = processor_seconds() - used
                digest = sha256_of_file(out)
                first = first or digest
                print(
                    f"| {width}x{height} | {name} | {count} "
                    f"| {summary.frames / summary.seconds:.1f} "
                    f"| {1000 * used / summary.frames:.1f} "
                    f"| {'yes' if digest == first else 'no'} |",
                    flush=True,
                )


def processor_seconds() -> float:
    """Return the processor time of this process and of the children that have ended."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _size(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    return width, height


def _plan(arguments: Sequence[str] | None = None) -> Plan:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--provider", default="cuda", choices=PROVIDERS)
    parser.add_argument(
        "--sizes", type=_size, nargs="+", default=[(640, 360), (1920, 1080), (3840, 2160)]
    )
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--frames", type=int, help="frames of every clip")
    given = parser.parse_args(arguments)
    shared = {width: given.frames or SHARED_FRAMES.get(width, 480) for width, _ in given.sizes}
    return Plan(
        given.clip,
        given.bundle,
        given.provider,
        given.sizes,
        given.processes,
        given.frames or STAGE_FRAMES,
        shared,
    )


if __name__ == "__main__":
    main(_plan())
