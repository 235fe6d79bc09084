"""The opened source of a conversion, with its identity for the marks and for resuming."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from faceloom.errors import UsageError
from faceloom.faceset import FaceRow, FaceSet
from faceloom.faceset.reference_faces import embed_references
from faceloom.hashing import sha256_of_file
from faceloom.progress import ProgressGenerator
from faceloom.provenance import DisclosureMark, SwappedIdentity
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.options import ConvertOptions, SwapOptions
from faceloom.swap.pipeline.source_likeness import SourceAppearance
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import IdentityMap
from faceloom.swap.sources.pasted_still import PastedStill
from faceloom.swap.sources.still_selection import choose_still, measure_target_face
from faceloom.video import VideoInfo

# Providers that a pasted still accepts: OpenCV runs it on the processor.
_STILL_PROVIDERS = ("auto", "cpu")


class Assignment(NamedTuple):
    """A person of the target and the bundle that replaces them."""

    reference: Path
    """A picture of the person."""
    bundle: Path
    """The bundle."""


def check_assigned_options(variants: Iterable[SwapOptions]) -> None:
    """Check that nothing but the assignments selects people.

    Args:
        variants: The options outside all sections, and those of each section.

    Raises:
        UsageError: the options select people too.
    """
    if any(each.reference or each.select is not None for each in variants):
        raise UsageError("--map selects who is swapped; leave out --select and --reference.")


@dataclass(frozen=True, slots=True)
class SwapSource:
    """Everything about the source of a conversion."""

    identity_map: IdentityMap
    """The opened sources, and whom they replace."""
    load: Callable[[int], tuple[FaceSource, ...]]
    """Opens the same sources in another process, with so many threads for each network, 0 for one
    for each core; can be pickled."""
    identities: tuple[SwappedIdentity, ...]
    """Whose faces these are, for the marks."""
    resume_id: str
    """What identifies the source when a conversion is resumed."""
    still: str | None = None
    """The crop of the face set that is pasted; None for bundles."""
    appearances: tuple[SourceAppearance | None, ...] = ()
    """What each source's person looks like, as far as known."""

    @property
    def mark(self) -> DisclosureMark:
        """What the marks of an output state."""
        return DisclosureMark(self.identities, trained=self.still is None)

    @classmethod
    def from_bundle(cls, path: Path, options: ConvertOptions) -> "SwapSource":
        """Open one bundle for everybody whom the options select.

        Args:
            path: the bundle.
            options: `provider`, `precision` and `reference` apply.

        Returns:
            The source.

        Raises:
            ArtifactRefused: the bundle cannot be used.
            UsageError: it has no such precision, or a picture shows no face.
            ProviderMissing: the provider does not run here.
        """
        bundle = Bundle.read(path)
        sources, load = _open([bundle], options)
        identity = _identity(bundle)
        identity_map = IdentityMap.of_one(sources[0], options)
        appearances = (SourceAppearance.from_bundle(bundle),)
        return cls(identity_map, load, (identity,), identity.sha256, appearances=appearances)

    @classmethod
    def from_assignments(
        cls, assignments: Sequence[Assignment], options: ConvertOptions
    ) -> "SwapSource":
        """Open a bundle for each of several people; everybody else stays as they are.

        Args:
            assignments: the people and their bundles; at least one.
            options: `provider` and `precision` apply.

        Returns:
            The source.

        Raises:
            UsageError: the options select people too, or a picture shows no face.
            ArtifactRefused: a bundle cannot be used.
            ProviderMissing: the provider does not run here.
        """
        check_assigned_options(options.variants)
        references = embed_references([reference for reference, _ in assignments])
        assert references is not None, "an identity map has at least one assignment"
        paths = list(dict.fromkeys(bundle for _, bundle in assignments))
        bundles = [Bundle.read(path) for path in paths]
        sources, load = _open(bundles, options)
        indices = tuple(paths.index(bundle) for _, bundle in assignments)
        identities = [_identity(bundle) for bundle in bundles]
        resume_id = " ".join(
            f"{sha256_of_file(reference)}={identities[index].sha256}"
            for (reference, _), index in zip(assignments, indices, strict=True)
        )
        identity_map = IdentityMap(references, indices, sources)
        appearances = tuple(map(SourceAppearance.from_bundle, bundles))
        unique = tuple(dict.fromkeys(identities))
        return cls(identity_map, load, unique, resume_id, appearances=appearances)

    @classmethod
    def from_face_set(
        cls, path: Path, info: VideoInfo, options: ConvertOptions
    ) -> ProgressGenerator["SwapSource"]:
        """Choose the still of a face set that fits a target best, to paste it.

        Args:
            path: the face set.
            info: the target, which is read in part.
            options: `reference` applies; `provider` and `precision` must be "auto" (or "cpu").

        Returns:
            The source.

        Raises:
            UsageError: the options name a provider or precision.
            ArtifactRefused: the face set cannot be used, or no face has the target's pose.
            NoFaceFound: the target shows no face.
        """
        if options.provider not in _STILL_PROVIDERS:
            raise UsageError(
                f"--baseline paste runs no network; leave out --provider {options.provider}."
            )
        if options.precision != "auto":
            raise UsageError(
                f"--baseline paste runs no network; leave out --precision {options.precision}."
            )
        faces = FaceSet.read(path)
        row = choose_still(faces, (yield from measure_target_face(info)))
        sha256 = sha256_of_file(path / row.image)
        load = partial(_load_still, faces, row)
        return cls(
            IdentityMap.of_one(load(0)[0], options),
            load,
            (SwappedIdentity(faces.identity, sha256),),
            _still_id(faces, row, sha256),
            row.image,
        )


def _open(
    bundles: Sequence[Bundle], options: ConvertOptions
) -> tuple[tuple[FaceSource, ...], Callable[[int], tuple[FaceSource, ...]]]:
    """Open the networks of bundles; return them with what opens them in another process."""
    networks = _load_networks(bundles, options.provider, options.precision)
    # The networks have their graphs; the files' bytes are not needed any more.
    light = [replace(bundle, contents={}) for bundle in bundles]
    # Other processes take the same provider without a trial of their own.
    provider = networks[0].provider
    shared = options.engine == "ray" or (options.workers or 1) > 1
    return networks, partial(_load_networks, light, provider, options.precision, shared=shared)


def _load_networks(
    bundles: Sequence[Bundle],
    provider: str,
    precision: str,
    threads: int = 0,
    *,
    shared: bool = False,
) -> tuple[FaceSource, ...]:
    """Open the networks on one provider, which the first one chooses if it is "auto"."""
    open_bundle = partial(SwapNetwork.open, precision=precision, threads=threads, shared=shared)
    first = open_bundle(bundles[0], provider)
    return (first, *(open_bundle(bundle, first.provider) for bundle in bundles[1:]))


def _still_id(faces: FaceSet, row: FaceRow, crop_sha256: str) -> str:
    """Return what identifies a still with its corrections, which change what is pasted."""
    digest = hashlib.sha256(crop_sha256.encode())
    digest.update(row.model_dump_json(include={"points_xy", "mesh_xy"}).encode())
    painted = faces.painted_mask(row, faces.geometry)
    if painted is not None:
        digest.update(painted.tobytes())
    return digest.hexdigest()


def _load_still(faces: FaceSet, row: FaceRow, _threads: int) -> tuple[FaceSource, ...]:
    return (PastedStill(faces, row),)


def _identity(bundle: Bundle) -> SwappedIdentity:
    return SwappedIdentity(bundle.manifest.identity, bundle.sha256(), bundle.manifest.consent)
