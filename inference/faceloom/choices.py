"""The values of options that the library and the command line share.

Imports nothing, so that `faceloom --help` does not load the library.
"""

from typing import Literal

# How the colors of a predicted face are matched to the target's (`--color`).
ColorTransfer = Literal["none", "lab", "rct", "histogram"]
# Which mask a predicted face is pasted with (`--mask`).
MaskKind = Literal["regions", "both", "learned", "mesh"]
# Largest width of `--erode` and `--feather`, in crop sides.
MAX_MASK_WIDTH = 0.2
# Smallest and largest extension of the mesh mask above the mesh (`--forehead`), in face heights.
MIN_FOREHEAD = -0.2
MAX_FOREHEAD = 0.5
# Whose glasses a swapped face wears (`--glasses`).
GlassesChoice = Literal["auto", "target", "guest"]
# How the mask of a face is made in training: from the landmarks alone, or without hair and
# whatever else hides the face.
FaceMaskKind = Literal["mesh", "regions"]
# What happens to a frame that lost its face (`--on-missing`).
OnMissing = Literal["keep", "last", "fail"]
# The number format of a graph.
Precision = Literal["fp32", "fp16", "int8"]
# Values of `--precision`: "auto" takes the format that suits the provider best.
PrecisionChoice = Literal["auto", "fp32", "fp16", "int8"]
# What encodes the output's frames (`--encoder`).
EncoderName = Literal["auto", "x264", "x265", "vp9", "svtav1", "nvenc", "lossless", "png"]
# What an encoder prefers: little time, or small files (`--speed`).
EncodingSpeed = Literal["fast", "balanced", "small"]
# Half of the time of "balanced", for files that are about a tenth larger.
DEFAULT_SPEED: EncodingSpeed = "fast"
# What becomes of sound and subtitles that the output's container cannot hold (`--streams`).
StreamMode = Literal["auto", "keep", "transcode", "drop"]
# What becomes of one stream.
StreamAction = Literal["copy", "transcode", "drop"]
# What happens at a damaged frame (`--on-damaged`).
OnDamaged = Literal["stop", "repeat"]
# What decodes the target (`--decoder`): FFmpeg's own decoders, or NVDEC of an NVIDIA GPU.
Decoder = Literal["software", "cuda"]
# Where a conversion runs (`--engine`).
Engine = Literal["local", "ray"]
# Which disclosure marks an output gets (`--provenance`).
MarkLevel = Literal["full", "tags", "off"]
# The corner of a visible label (`--label-position`).
LabelPosition = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
# What replaces a trained network for comparison (`--baseline`).
Baseline = Literal["paste"]
