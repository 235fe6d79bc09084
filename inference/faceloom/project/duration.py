"""Durations in words."""


def format_duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, or hours and minutes.

    Args:
        seconds: The duration.
    """
    whole = max(0, round(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
