"""Whose face is worn: by one bundle, by one bundle for each person, or by a pasted still."""

from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.progress import ProgressGenerator
from faceloom.provenance import WornFace
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.pipeline.convert import ConvertOptions, ConvertSummary, convert, worn_face
from faceloom.swap.pipeline.multi_identity import Worn, convert_several, open_cast
from faceloom.swap.pipeline.paste_baseline import convert_by_paste
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import Cast


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of them is given: a bundle, who wears which, or the face set of a still."""

    bundle: Path | None = None
    worn: tuple[Worn, ...] = ()
    faceset: Path | None = None

    @classmethod
    def of(
        cls, bundle: Path | None, worn: tuple[Worn, ...], faceset: Path | None, *, paste: bool
    ) -> "Wanted":
        """Return what is asked for; raise UsageError unless it is exactly one thing."""
        if (bundle is not None) + bool(worn) + paste != 1:
            raise UsageError(
                "Give one of --bundle BUNDLE, --map REF.jpg=BUNDLE and --baseline paste."
            )
        if faceset and not paste:
            raise UsageError(
                "--identity goes with --baseline; a bundle holds its own face, so leave it out."
            )
        if paste and faceset is None:
            raise UsageError(
                "--baseline paste needs --identity FACESET, one of whose faces is pasted."
            )
        return cls(bundle, worn, faceset)

    def convert(
        self, target: Path, out: Path, options: ConvertOptions
    ) -> ProgressGenerator[ConvertSummary]:
        """Return the work of converting a video."""
        if self.bundle:
            return convert(target, self.bundle, out, options)
        if self.faceset:
            return convert_by_paste(target, self.faceset, out, options)
        return convert_several(target, self.worn, out, options)

    def faces(self) -> list[WornFace]:
        """Return what is said of the bundles in what is made with them; raise ArtifactRefused if one is none."""
        bundles = [self.bundle] if self.bundle else [bundle for _, bundle in self.worn]
        return list(dict.fromkeys(worn_face(Bundle.read(bundle)) for bundle in bundles))

    def open(self, options: ConvertOptions) -> FaceSource | Cast:
        """Open the bundle or bundles; raise UsageError for a paste, which is chosen by the whole clip."""
        if self.faceset:
            raise UsageError(
                "--preview and --frame try bundles; a paste is made in a minute, so convert the clip."
            )
        if self.bundle:
            return SwapNetwork.open(Bundle.read(self.bundle), options.provider, options.precision)
        return open_cast(self.worn, options)


def worn_of(text: str) -> Worn:
    """Read REF.jpg=BUNDLE; raise UsageError for anything else."""
    reference, equals, bundle = text.rpartition("=")
    if not (equals and reference and bundle):
        raise UsageError(f"--map {text} says not who wears what; write --map REF.jpg=BUNDLE.")
    return Path(reference), Path(bundle)
