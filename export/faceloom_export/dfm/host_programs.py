"""The host programs that a .dfm can be made for; imports nothing, so that `--help` is fast."""

from typing import Literal

# "dfl" is DeepFaceLab.
HostProgram = Literal["dfl", "deepfacelive", "facefusion", "visomaster"]
