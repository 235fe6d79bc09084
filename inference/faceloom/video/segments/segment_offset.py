"""What to add to a segment's timestamps: its container cannot store every start."""

from fractions import Fraction

from av.container import InputContainer

# Prefix of a segment's comment tag; seconds as a fraction follow.
PTS_OFFSET_PREFIX = "pts offset "


def segment_offset(container: InputContainer) -> Fraction:
    """Return what to add to the times of a segment, in seconds.

    Args:
        container: The open segment.
    """
    comment = container.metadata.get("comment", "")
    if not comment.startswith(PTS_OFFSET_PREFIX):
        return Fraction(0)
    return Fraction(comment.removeprefix(PTS_OFFSET_PREFIX))
