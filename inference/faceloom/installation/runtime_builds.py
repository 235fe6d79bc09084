"""Extras that bring the CPU build of onnxruntime, and what takes their place beside the GPU build.

The packages onnxruntime and onnxruntime-gpu install the same module: one overwrites the other.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

# The extra of the GPU build, and its package.
_GPU = "gpu"
_GPU_PACKAGE = "onnxruntime-gpu"
# Training's extras, which install the same module: the one that is asked for replaces the other.
_TRAINING = ("train", "train-gpu")


@dataclass(frozen=True, slots=True)
class _Substitute:
    """What brings the same beside the GPU build of onnxruntime."""

    extras: tuple[str, ...] = ()
    """Extras."""
    packages: tuple[str, ...] = ()
    """Packages of the extra other than onnxruntime."""


# Each extra that brings the package onnxruntime (a test compares this with pyproject.toml).
_SUBSTITUTES = {
    "cpu": _Substitute(),
    "export": _Substitute(packages=("tf2onnx", "onnx", "h5py")),
    "openvino": _Substitute(packages=("onnxruntime-ep-openvino",)),
    "webgpu": _Substitute(packages=("onnxruntime-ep-webgpu",)),
    "tensorrt-rtx": _Substitute(packages=("onnxruntime-ep-nv-tensorrt-rtx",)),
    "full": _Substitute(extras=("heif", "provenance")),
    "content-check": _Substitute(),
    "retina-face": _Substitute(),
}
# Extras whose package works with the CPU build only, in whole or in part.
_WITHOUT_SUBSTITUTE = {"full", "content-check", "retina-face"}
# Whoever asks for one of these leaves the GPU build.
_CPU_ONLY = {"cpu", *_WITHOUT_SUBSTITUTE}


@dataclass(frozen=True, slots=True)
class ExtrasChoice:
    """Extras and packages that bring one build of onnxruntime only."""

    extras: tuple[str, ...]
    """The extras."""
    packages: tuple[str, ...]
    """Packages that extras beside the GPU build would have brought."""
    replaces: bool
    """Whether the installation has an extra or a package that has to go."""
    leaves_gpu: bool
    """Whether what is asked for needs the CPU build where the GPU build is installed."""
    dropped: tuple[str, ...]
    """Extras of the installation that have no substitute beside the GPU build."""


def choose_extras(known: tuple[str, ...], asked: tuple[str, ...]) -> ExtrasChoice:
    """Return the known extras and those that are asked for, with one build of onnxruntime.

    Args:
        known: The extras of this installation, as far as they are recorded.
        asked: The extras to add. `gpu` chooses the GPU build; an extra that works with the CPU
            build only chooses that; otherwise an installed GPU build stays.

    Returns:
        The extras, the packages beside them, and what they replace.
    """
    has_gpu = _GPU in known or _has_package(_GPU_PACKAGE)
    leaves_gpu = has_gpu and _GPU not in asked and not _CPU_ONLY.isdisjoint(asked)
    is_gpu = _GPU in asked or (has_gpu and not leaves_gpu)
    replaced = {*_TRAINING} - {*asked} if {*_TRAINING} & {*asked} else set()
    extras: list[str] = []
    packages: list[str] = []
    for extra in (*(each for each in known if each not in replaced), *asked):
        if is_gpu and extra in _SUBSTITUTES:
            extras += _SUBSTITUTES[extra].extras
            packages += _SUBSTITUTES[extra].packages
        elif is_gpu or extra != _GPU:
            extras.append(extra)
    brings_cpu = any(extra in _SUBSTITUTES for extra in known)
    return ExtrasChoice(
        extras=tuple(dict.fromkeys(extras)),
        packages=tuple(dict.fromkeys(packages)),
        replaces=bool(replaced & {*known}) or leaves_gpu or (is_gpu and brings_cpu),
        leaves_gpu=leaves_gpu,
        dropped=tuple(each for each in known if is_gpu and each in _WITHOUT_SUBSTITUTE),
    )


def _has_package(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
