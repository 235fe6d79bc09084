"""Choose extras and packages that install only one build of onnxruntime, for the CPU or the GPU.

The packages onnxruntime and onnxruntime-gpu install the same module: one overwrites the other.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

# The extra of the GPU build, and its package.
_GPU = "gpu"
_GPU_PACKAGE = "onnxruntime-gpu"
# The extras for training, which install the same module: the requested one replaces the other.
_TRAINING = ("train", "train-gpu")


@dataclass(frozen=True, slots=True)
class _Substitute:
    """What replaces an extra if the GPU build of onnxruntime is installed."""

    extras: tuple[str, ...] = ()
    """Other extras."""
    packages: tuple[str, ...] = ()
    """The extra's packages other than onnxruntime."""


# Each extra that installs the CPU build (a test compares this with pyproject.toml).
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
# Extras of which a package works with the CPU build only.
_WITHOUT_SUBSTITUTE = {"full", "content-check", "retina-face"}
# Extras that replace the GPU build by the CPU build if they are requested.
_CPU_ONLY = {"cpu", *_WITHOUT_SUBSTITUTE}


@dataclass(frozen=True, slots=True)
class ExtrasChoice:
    """Extras and packages that install only one build of onnxruntime."""

    extras: tuple[str, ...]
    """The extras."""
    packages: tuple[str, ...]
    """Packages of extras that would also install the CPU build."""
    replaces: bool
    """Whether an extra or a package of the installation must be removed."""
    leaves_gpu: bool
    """Whether the CPU build replaces an installed GPU build."""
    dropped: tuple[str, ...]
    """Extras of the installation that do not work with the chosen GPU build."""


def choose_extras(known: tuple[str, ...], asked: tuple[str, ...]) -> ExtrasChoice:
    """Return the extras of an installation and the requested ones, with one build of onnxruntime.

    Args:
        known: The recorded extras of this installation.
        asked: The extras to add. `gpu` chooses the GPU build; an extra that works with the CPU
            build only chooses the CPU build; otherwise an installed GPU build stays.

    Returns:
        The extras, further packages, and what they replace.
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
    had_cpu_build = any(extra in _SUBSTITUTES for extra in known)
    return ExtrasChoice(
        extras=tuple(dict.fromkeys(extras)),
        packages=tuple(dict.fromkeys(packages)),
        replaces=bool(replaced & {*known}) or leaves_gpu or (is_gpu and had_cpu_build),
        leaves_gpu=leaves_gpu,
        dropped=tuple(each for each in known if is_gpu and each in _WITHOUT_SUBSTITUTE),
    )


def _has_package(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
