"""C2PA: a signed manifest inside the file, through the package c2pa-python, which is an extra. Nothing is fetched."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from faceloom import __version__
from faceloom.atomic import replacing_file
from faceloom.errors import ProviderMissing, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.provenance.disclosure_mark import SOURCE_TYPE, Mark
from faceloom.provenance.signing_key import SigningKey, local_certificate

# Endings of what we write that can carry a manifest, by the name that C2PA has for the format.
FORMATS: Mapping[str, str] = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
# Inputs whose own credentials can be read.
_SOURCES = {**FORMATS, ".avi": "video/avi", ".tif": "image/tiff", ".tiff": "image/tiff"}
MISSING = (
    "C2PA needs the packages c2pa-python and cryptography; run: pip install 'faceloom[provenance]'"
)
_PARENT = "parent"
_SETTINGS: dict[str, Any] = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        "verify_after_sign": False,
        "verify_trust": True,
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    },
}
# What a manifest of a file that was not changed may lack: somebody who vouches for its signer.
_UNTRUSTED = "signingCredential.untrusted"
_AT_FAULT = 5


@dataclass(frozen=True, slots=True)
class CredentialsFound:
    """A file's active manifest, checked.

    state: "Trusted" (signed by a known certificate), "Valid" (whole, signed by somebody), "Invalid". signer: common
    name and organzation. actions: C2PA's names. source_types: how they say it was made. ingredients: titles, with
    whose credentials they had. faults: what is wrong, in C2PA's codes.
    """

    state: str
    signer: str
    generator: str
    actions: tuple[str, ...]
    source_types: tuple[str, ...]
    ingredients: tuple[str, ...]
    faults: tuple[str, ...]


def is_installed() -> bool:
    """Tell whether manifests can be written and read here."""
    return find_spec("c2pa") is not None and find_spec("cryptography") is not None


def sign(part: Path, ending: str, title: str, mark: Mark, source: Path, key: SigningKey) -> None:
    """Add a manifest to a whole file, in place; `source` is what it was made from, which keeps its own credentials."""
    import c2pa  # noqa: PLC0415  an extra

    info = c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.private, None)
    readable = source.is_file() and source.suffix.lower() in _SOURCES
    definition = _definition(title, mark, () if readable else (_named_only(source),))
    with (
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Signer.from_info(info) as signer,
        c2pa.Builder(definition, context=context) as builder,
    ):
        if readable:
            parent = {"title": source.name, "relationship": "parentOf", "label": _PARENT}
            with source.open("rb") as file:
                builder.add_ingredient(parent, _SOURCES[source.suffix.lower()], file)
        with (
            replacing_file(part) as signed,
            part.open("rb") as unsigned,
            signed.open("w+b") as file,
        ):
            builder.sign(signer, FORMATS[ending], unsigned, file)


def check_key(key: SigningKey) -> None:
    """Raise UsageError if C2PA does not sign with a key, before the work."""
    import c2pa  # noqa: PLC0415

    try:
        c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.private, None)
        ).close()
    except c2pa.C2paError as error:
        raise UsageError(f"C2PA does not sign with this certificate: {error}.") from error


def read_credentials(path: Path, kind: str, anchors: bytes = b"") -> CredentialsFound | None:
    """Return a file's manifest, checked, None if it has none. kind: as in FORMATS. anchors: PEM roots to be trusted.

    Raises ProviderMissing without the extra.
    """
    if not is_installed():
        raise ProviderMissing(f"{path} has C2PA credentials. {MISSING}")
    import c2pa  # noqa: PLC0415

    trusted = (local_certificate() or b"") + anchors
    settings = _SETTINGS | (
        {"trust": {"trust_anchors": trusted.decode(errors="replace")}} if trusted else {}
    )
    try:
        with (
            path.open("rb") as file,
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(kind, file, context=context) as reader,
        ):
            return _found(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        return CredentialsFound("Invalid", "", "", (), (), (), (str(error),))


def _definition(title: str, mark: Mark, ingredients: tuple[dict[str, str], ...]) -> dict[str, Any]:
    tool = {"name": "faceloom", "version": __version__}
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": tool,
        "description": mark.deed(),
    }
    return {
        "claim_generator_info": [tool],
        "title": title,
        "ingredients": list(ingredients),
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [opened, edited]}}],
    }


def _named_only(source: Path) -> dict[str, str]:
    """Describe an input that C2PA cannot read (Matroska, a folder): a file by its checksum."""
    known = f"sha256:{sha256_of_file(source)}" if source.is_file() else "faceloom:folder"
    return {
        "title": source.name,
        "format": "application/octet-stream",
        "relationship": "parentOf",
        "label": _PARENT,
        "instance_id": known,
    }


def _found(said: Mapping[str, Any]) -> CredentialsFound:
    """Take from C2PA's report what is told; a stranger's manifest may lack any of it."""
    active = said.get("manifests", {}).get(said.get("active_manifest"), {})
    made_by = (active.get("claim_generator_info") or [{}])[0]
    actions = [
        action
        for assertion in active.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    faults = [row.get("code", "?") for row in said.get("validation_status", [])]
    return CredentialsFound(
        state=said.get("validation_state", "Invalid"),
        signer=_signer_of(active),
        generator=" ".join(filter(None, (made_by.get("name"), made_by.get("version")))),
        actions=tuple(str(action.get("action")) for action in actions),
        source_types=tuple(
            str(a["digitalSourceType"]) for a in actions if "digitalSourceType" in a
        ),
        ingredients=tuple(_ingredient(one, said) for one in active.get("ingredients", [])),
        faults=tuple(dict.fromkeys(code for code in faults if code != _UNTRUSTED))[:_AT_FAULT],
    )


def _ingredient(one: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    own = said.get("manifests", {}).get(one.get("active_manifest"))
    credentials = f" (with credentials, signed by {_signer_of(own)})" if own else ""
    return f"{one.get('title', '?')}{credentials}"


def _signer_of(manifest: Mapping[str, Any]) -> str:
    signature = manifest.get("signature_info", {})
    return ", ".join(filter(None, (signature.get("common_name"), signature.get("issuer"))))
