"""The distributions in the standalone folder, and their license files."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The extras in the folder.
EXTRAS = frozenset({"cpu", "studio", "heif", "provenance"})
# Names of license files, in the metadata or beside the modules.
_LICENSE_NAME = re.compile(
    r"^(licen[cs]e|copying|copyright|notice|thirdpartynotices)", re.IGNORECASE
)
# Endings of Python's files, whose names may match too.
_CODE = (".py", ".pyc", ".pyi")


def required_distributions(name: str, extras: Iterable[str]) -> dict[str, Distribution]:
    """Return an installed distribution and all that it requires on this system.

    Args:
        name: Its name.
        extras: Its extras.

    Returns:
        The distributions by their normalized names.

    Raises:
        PackageNotFoundError: One of them is not installed.
    """
    found: dict[str, Distribution] = {}
    todo = [(canonicalize_name(name), frozenset(extras))]
    done = set()
    while todo:
        current = todo.pop()
        if current in done:
            continue
        done.add(current)
        name, chosen = current
        found[name] = distribution(name)
        for requirement in map(Requirement, found[name].requires or ()):
            if _applies(requirement, chosen):
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def license_files(installed: Distribution) -> Iterator[str]:
    """Yield the license files of a distribution that exist.

    Args:
        installed: The distribution.

    Yields:
        Paths below the folder of installed packages, with forward slashes.
    """
    for path in installed.files or ():
        is_license = _LICENSE_NAME.match(path.name) or "licenses" in path.parts
        if is_license and path.suffix not in _CODE and installed.locate_file(path).is_file():
            yield path.as_posix()


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})
