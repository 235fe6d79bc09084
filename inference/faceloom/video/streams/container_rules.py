"""What each container holds and every player plays: codecs for sound and text subtitles."""

from dataclasses import dataclass

import av

from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS

# Codecs of subtitles that consist of text; all others are pictures.
TEXT_SUBTITLES = frozenset("subrip srt ass ssa webvtt mov_text text".split())

# Options of every muxer. Sound may start before 0 with its decoder's priming samples: the other
# streams are not shifted for it.
MUXER_OPTIONS = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}


@dataclass(frozen=True, slots=True)
class ContainerRules:
    """What sound and subtitles are transcoded to for one container."""

    sound: str
    """FFmpeg's encoder of sound that every player plays in it."""

    subtitle: str
    """FFmpeg's codec of text subtitles."""

    unplayed: tuple[str, ...] = ()
    """Beginnings of codec names that it holds and that common players do not play."""


_MP4 = ContainerRules("aac", "mov_text", unplayed=("pcm_",))
_RULES = {
    # PCM in MP4 ("ipcm") is played as noise by FFmpeg before version 6.
    "mp4": _MP4,
    "mov": ContainerRules("aac", "mov_text"),
    "matroska": ContainerRules("aac", "subrip"),
    "webm": ContainerRules("libopus", "webvtt"),
}


def rules_of(container: str) -> ContainerRules:
    """Return the rules of a container.

    Args:
        container: FFmpeg's name, such as "mp4".
    """
    return _RULES[container]


def codec_label(codec: str) -> str:
    """Return a codec's name as users write it.

    Args:
        codec: FFmpeg's name of a codec, encoder or decoder.
    """
    names = {"dca": "dts", "libopus": "opus", "libvorbis": "vorbis", "pgssub": "hdmv_pgs_subtitle"}
    return names.get(codec, codec)


def can_decode(codec: str) -> bool:
    """Return whether FFmpeg decodes a codec here.

    Args:
        codec: FFmpeg's name of a decoder.
    """
    try:
        av.codec.Codec(codec, "r")
    except FFMPEG_ERRORS:
        return False
    return True
