"""Whose face is worn, as it is typed: by one bundle, by one bundle for each person, or by a pasted still."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloom.errors import UsageError

if TYPE_CHECKING:
    from faceloom.progress import Work
    from faceloom.swap import Cast, ConvertOptions, ConvertSummary, FaceSource


@dataclass(frozen=True, slots=True)
class Wish:
    """One of them is given."""

    bundle: Path | None
    worn: tuple[tuple[Path, Path], ...]
    faceset: Path | None

    def convert(self, target: Path, out: Path, options: "ConvertOptions") -> "Work[ConvertSummary]":
        """Return the work of converting a video."""
        from faceloom.swap import convert, convert_by_paste, convert_several

        if self.bundle:
            return convert(target, self.bundle, out, options)
        if self.faceset:
            return convert_by_paste(target, self.faceset, out, options)
        return convert_several(target, self.worn, out, options)

    def open(self, options: "ConvertOptions") -> "FaceSource | Cast":
        """Open the bundle or bundles; raise UsageError for a paste, which is chosen by the whole clip."""
        from faceloom.swap import Bundle, SwapNetwork, open_cast

        if self.faceset:
            raise UsageError("--preview and --frame try bundles; a paste is made in a minute, so convert the clip.")
        if self.bundle:
            return SwapNetwork.open(Bundle.read(self.bundle), options.provider, options.precision)
        return open_cast(self.worn, options)


def wish_of(bundle: Path | None, pairs: list[str], paste: bool, identity: Path | None) -> Wish:
    """Return what is asked for; raise UsageError unless it is exactly one thing."""
    if (bundle is not None) + bool(pairs) + paste != 1:
        raise UsageError("Give one of --bundle BUNDLE, --map REF.jpg=BUNDLE and --baseline paste.")
    if identity and not paste:
        raise UsageError("--identity goes with --baseline; a bundle holds its own face, so leave it out.")
    if paste and identity is None:
        raise UsageError("--baseline paste needs --identity FACESET, one of whose faces is pasted.")
    return Wish(bundle, tuple(_pair(text) for text in pairs), identity)


def _pair(text: str) -> tuple[Path, Path]:
    reference, equals, bundle = text.rpartition("=")
    if not (equals and reference and bundle):
        raise UsageError(f"--map {text} says not who wears what; write --map REF.jpg=BUNDLE.")
    return Path(reference), Path(bundle)
