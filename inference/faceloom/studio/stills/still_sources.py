"""The sources of stills: bundles with loaded networks, and the people whom they replace."""

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.faceset.reference_faces import embed_references
from faceloom.project.step import file_signature
from faceloom.studio.lru_cache import LruCache
from faceloom.studio.stills.still_request import StillRequest
from faceloom.studio.stills.swap_stages import OpenBundle, load_bundle, make_swapper
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.swap_source import check_assigned_options
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import NO_EMBEDDINGS

# Bundles that stay open: those of two people, and the two before them.
_MAX_BUNDLES = 4
# Swappers that stay open: that of the shown bundles and the one before it.
_MAX_SWAPPERS = 2
# Pictures whose embeddings are kept, 768 bytes each.
_MAX_PICTURES = 1000


class StillSources:
    """Opens bundles and embeds pictures of people; keeps those that were used last."""

    def __init__(self) -> None:
        self._bundles: LruCache[FaceSource] = LruCache(_MAX_BUNDLES)
        self._swappers: LruCache[FrameSwapper] = LruCache(_MAX_SWAPPERS)
        self._embeddings: LruCache[np.ndarray] = LruCache(_MAX_PICTURES)

    def key(self, request: StillRequest) -> Hashable:
        """Return what the sources of a still depend on.

        Args:
            request: The still.
        """
        options = request.options
        people = tuple(map(versioned, (*_references(request), *options.exclude)))
        bundles = tuple(map(versioned, _bundles_of(request)))
        return bundles, people, len(options.exclude), options.threshold

    def open(self, request: StillRequest) -> OpenBundle:
        """Open the sources of a still.

        Args:
            request: The still.

        Raises:
            UsageError: The options select people as well as the assignments, there is no such file,
                or a picture shows no face.
            MediaUnreadable: A picture cannot be read.
            ArtifactRefused: A bundle cannot be used.
        """
        if request.assignments:
            check_assigned_options(
                [request.options, *(section.options for section in request.sections)]
            )
        paths = list(dict.fromkeys(_bundles_of(request)))
        key = tuple(map(versioned, paths))
        swapper = self._swappers.get_or_make(key, partial(self._make_swapper, paths))
        return OpenBundle(swapper, self._people(request, paths))

    def bundle(self, path: Path) -> FaceSource:
        """Open one bundle.

        Args:
            path: The bundle.

        Raises:
            ArtifactRefused: It cannot be used.
        """
        return self._bundles.get_or_make(versioned(path), partial(load_bundle, path))

    def _make_swapper(self, bundles: Sequence[Path]) -> FrameSwapper:
        return make_swapper([self.bundle(path) for path in bundles])

    def _people(self, request: StillRequest, bundles: Sequence[Path]) -> ReferenceSet:
        references = _references(request)
        options, assignments = request.options, request.assignments
        indices = [bundles.index(each.bundle) for each in assignments] or [0] * len(references)
        return ReferenceSet(
            self._embed(references), tuple(indices), self._embed(options.exclude), options.threshold
        )

    def _embed(self, pictures: Sequence[Path]) -> Float32[np.ndarray, "n 192"]:
        """Return the embeddings of pictures, as `embed_references` does."""
        unknown = [each for each in pictures if self._embeddings.get(versioned(each)) is None]
        embedded = embed_references(unknown) if unknown else None
        new = {} if embedded is None else dict(zip(unknown, embedded, strict=True))
        for picture, embedding in new.items():
            self._embeddings.put(versioned(picture), embedding)
        rows = (new.get(each, self._embeddings.get(versioned(each))) for each in pictures)
        known = [row for row in rows if row is not None]
        return np.stack(known) if known else NO_EMBEDDINGS


def versioned(path: Path) -> tuple[Path, str]:
    """Return a key of a file or folder that changes when it is replaced.

    Args:
        path: The file or folder.
    """
    return path, file_signature(path)


def _references(request: StillRequest) -> tuple[Path, ...]:
    if request.assignments:
        return tuple(each.reference for each in request.assignments)
    return request.options.reference


def _bundles_of(request: StillRequest) -> tuple[Path, ...]:
    if request.assignments:
        return tuple(each.bundle for each in request.assignments)
    return (request.bundle,)
