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
from faceloom.studio.stills.swap_stages import OpenSources
from faceloom.swap.options import ConvertOptions, SwapOptions
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.swap_source import SwapSource, check_assigned_options
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import NO_EMBEDDINGS

# Bundles that stay open: those of two people, and the two before them.
_MAX_BUNDLES = 4
# Swappers that stay open: that of the shown bundles and the one before it.
_MAX_SWAPPERS = 2
# Pictures whose embeddings are kept, 768 bytes each.
_MAX_PICTURES = 1000
# Options with which `FrameSwapper` parses both pictures of a face. What a conversion does not
# parse is left out later, so that no change of an option runs a network again.
_PARSE_ALL = SwapOptions(mask="regions", glasses="target")


class StillSources:
    """Opens bundles and embeds pictures of people; keeps those that were used last."""

    def __init__(self) -> None:
        self._bundles: LruCache[FaceSource] = LruCache(_MAX_BUNDLES)
        self._swappers: LruCache[FrameSwapper] = LruCache(_MAX_SWAPPERS)
        self._embeddings: LruCache[np.ndarray] = LruCache(_MAX_PICTURES)

    def open(self, request: StillRequest) -> OpenSources:
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
        # Before the files are read, so that a file that is replaced meanwhile is read again.
        key = _key(request)
        paths = list(dict.fromkeys(_bundles_of(request)))
        swapper = self._swappers.get_or_make(
            tuple(map(versioned, paths)), partial(self._make_swapper, paths)
        )
        return OpenSources(swapper, self._people(request, paths), key)

    def bundle(self, path: Path) -> FaceSource:
        """Open one bundle.

        Args:
            path: The bundle.

        Raises:
            ArtifactRefused: It cannot be used.
        """
        return self._bundles.get_or_make(versioned(path), partial(load_bundle, path))

    def _make_swapper(self, bundles: Sequence[Path]) -> FrameSwapper:
        return FrameSwapper([self.bundle(path) for path in bundles], _PARSE_ALL)

    def _people(self, request: StillRequest, bundles: Sequence[Path]) -> ReferenceSet:
        references = _references(request)
        options, assignments = request.options, request.assignments
        indices = [bundles.index(each.bundle) for each in assignments] or [0] * len(references)
        return ReferenceSet(
            self._embed(references), tuple(indices), self._embed(options.exclude), options.threshold
        )

    def _embed(self, pictures: Sequence[Path]) -> Float32[np.ndarray, "n 192"]:
        """Return the embeddings of pictures, as `embed_references` does."""
        keys = [versioned(each) for each in pictures]
        rows = {key: row for key in keys if (row := self._embeddings.get(key)) is not None}
        new = [key for key in dict.fromkeys(keys) if key not in rows]
        embedded = embed_references([picture for picture, _ in new]) if new else None
        if embedded is not None:
            rows |= zip(new, embedded, strict=True)
        for key in new:
            self._embeddings.put(key, rows[key])
        return np.stack([rows[key] for key in keys]) if keys else NO_EMBEDDINGS


def load_bundle(path: Path) -> FaceSource:
    """Open a bundle's network on the best provider of this machine.

    Args:
        path: The bundle.

    Raises:
        ArtifactRefused: It cannot be used.
    """
    (source,) = SwapSource.from_bundle(path, ConvertOptions()).identity_map.sources
    return source


def versioned(path: Path) -> tuple[Path, str]:
    """Return a key of a file or folder that changes when it is replaced.

    Args:
        path: The file or folder.
    """
    return path, file_signature(path)


def _key(request: StillRequest) -> Hashable:
    """Return what the sources of a still depend on."""
    options = request.options
    people = tuple(map(versioned, (*_references(request), *options.exclude)))
    bundles = tuple(map(versioned, _bundles_of(request)))
    return bundles, people, len(options.exclude), options.threshold


def _references(request: StillRequest) -> tuple[Path, ...]:
    if request.assignments:
        return tuple(each.reference for each in request.assignments)
    return request.options.reference


def _bundles_of(request: StillRequest) -> tuple[Path, ...]:
    if request.assignments:
        return tuple(each.bundle for each in request.assignments)
    return (request.bundle,)
