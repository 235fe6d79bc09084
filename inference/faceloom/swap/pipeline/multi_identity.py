"""Convert a clip in which several people each wear a face of their own."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset.reference_faces import embed_references
from faceloom.hashing import sha256_of_file
from faceloom.progress import ProgressGenerator
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.pipeline.convert import (
    ConvertOptions,
    ConvertSummary,
    convert_with,
    open_target,
    worn_face,
)
from faceloom.swap.sources.identity_map import Cast

# A picture of somebody in the target, and the bundle of the face that they wear.
Worn = tuple[Path, Path]


def convert_several(
    target: Path, worn: Sequence[Worn], out: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertSummary]:
    """Write `target` to `out`, each face that `worn` has a picture of with its bundle's; the others are left alone.

    Raises what `convert` and `open_cast` raise.
    """
    started = time.monotonic()
    opened = open_target(target, out, options)
    _refuse_two_choices(options)
    embed_references([picture for picture, _ in worn])
    faces = [worn_face(Bundle.read(bundle)) for _, bundle in worn]
    made_by = " ".join(
        f"{sha256_of_file(worn[at][0])}={face.sha256}" for at, face in enumerate(faces)
    )
    opener = partial(open_cast, worn, options)
    return (
        yield from convert_with(
            opener, made_by, list(dict.fromkeys(faces)), opened, options, started
        )
    )


def open_cast(worn: Sequence[Worn], options: ConvertOptions) -> Cast:
    """Open the bundles, each once, and learn who is on the pictures.

    Raises UsageError if the options say otherwise who is meant, and what `SwapNetwork.open` and `embed_references` do.
    """
    _refuse_two_choices(options)
    bundles = list(dict.fromkeys(bundle for _, bundle in worn))
    networks = [
        SwapNetwork.open(Bundle.read(path), options.provider, options.precision) for path in bundles
    ]
    references = embed_references([picture for picture, _ in worn])
    assert references is not None, "somebody wears something"
    return Cast(references, tuple(bundles.index(bundle) for _, bundle in worn), tuple(networks))


def _refuse_two_choices(options: ConvertOptions) -> None:
    if options.reference or options.select is not None:
        raise UsageError("--map says who is swapped; leave out --select and --reference.")
