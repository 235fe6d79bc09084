"""What the first worker tells the others before they begin: the settings, so that they cannot differ."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import faceloom
from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.json_documents import Strict
from faceloom_train.config.schema import TrainConfig
from faceloom_train.distributed.strategy import Devices


class Plan(Strict):
    """version: of Faceloom. faces: what each identity's face set holds, as a checksum, in the decoders' order."""

    version: str
    settings: TrainConfig
    faces: dict[str, str]


def tell_plan(devices: Devices, settings: TrainConfig, faces: Mapping[str, Path]) -> None:
    """Tell the other workers the plan; raise UsageError if one of them cannot follow it."""
    if devices.agree is None:
        return
    plan = Plan(version=faceloom.__version__, settings=settings, faces=_checksums(faces))
    devices.tell(plan.model_dump_json())
    if devices.agree(False):
        raise UsageError("Another worker cannot follow: what it says on its own machine tells why.")


def hear_plan(devices: Devices, faces: Mapping[str, Path]) -> Plan:
    """Return the first worker's plan; raise UsageError if it needs other faces or another version than are here."""
    assert devices.agree is not None, "there is a first worker"
    plan = Plan.model_validate_json(devices.tell(""))
    problem = _problem(plan, faces)
    devices.agree(problem is not None)
    if problem:
        raise UsageError(problem)
    return plan


def _problem(plan: Plan, faces: Mapping[str, Path]) -> str | None:
    if plan.version != faceloom.__version__:
        return f"The first worker has Faceloom {plan.version}, this one {faceloom.__version__}; install the same."
    if list(plan.faces) != list(faces):
        wanted, here = ", ".join(plan.faces), ", ".join(faces)
        return f"The first worker trains {wanted}, this one has the faces of {here}; give both the same --faces."
    for name, checksum in _checksums(faces).items():
        if plan.faces[name] != checksum:
            return f"{faces[name]} is not the face set that the first worker has of {name}; copy it from there."
    return None


def _checksums(faces: Mapping[str, Path]) -> dict[str, str]:
    """Of the rows: pictures are not decoded alike to the last bit on every machine."""
    return {name: _checksum(FaceSet.read(path)) for name, path in faces.items()}


def _checksum(faceset: FaceSet) -> str:
    return hashlib.sha256(
        "".join(row.model_dump_json() for row in faceset.rows).encode()
    ).hexdigest()
