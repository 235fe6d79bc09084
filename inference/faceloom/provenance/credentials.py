"""C2PA content credentials: a signed manifest inside the file.

Uses the package c2pa-python, an extra. Nothing is fetched from the network.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from faceloom import __version__
from faceloom.atomic import atomic_file
from faceloom.errors import ProviderMissing, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.installation import extras_advice
from faceloom.json_documents import utf8_text
from faceloom.provenance.box_count import MAX_BOXES, has_too_many_boxes
from faceloom.provenance.disclosure_mark import SOURCE_TYPE, DisclosureMark
from faceloom.provenance.mime_type import detect_mime_type
from faceloom.provenance.signing_key import SigningKey, local_certificate

# MIME type of each output format that supports a manifest, by suffix.
C2PA_FORMATS: Mapping[str, str] = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
# Label of the input in the manifest's ingredients.
_PARENT_LABEL = "parent"
_SETTINGS: dict[str, Any] = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        "verify_after_sign": False,
        "verify_trust": True,
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    },
}
# The validation code of a valid signature by an unknown signer, which is not an error here.
_UNTRUSTED_CODE = "signingCredential.untrusted"
_TOO_MANY_BOXES = f"it has more than {MAX_BOXES:,} boxes, too many to validate"
# Most validation errors that are reported.
_MAX_ERRORS = 5


@dataclass(frozen=True, slots=True)
class CredentialInput:
    """An input that a C2PA manifest names (an ingredient)."""

    title: str
    """Name of the file."""

    identifier: str
    """C2PA's instance ID; "sha256:" and 64 digits for a file that C2PA cannot read."""

    signer: str = ""
    """Common name and organization of the signer of its own credentials; "" without credentials."""

    errors: tuple[str, ...] = ()
    """C2PA's validation codes of its own credentials, recorded when the output was signed."""

    def __str__(self) -> str:
        """Return the input in a few words, for people."""
        if not self.signer:
            return self.title
        state = f"invalid credentials ({', '.join(self.errors)})" if self.errors else "credentials"
        return f"{self.title} (with {state}, signed by {self.signer})"


@dataclass(frozen=True, slots=True)
class ContentCredentials:
    """A file's active C2PA manifest and its validation."""

    state: str
    """C2PA's result: "Trusted" (known signer), "Valid" (unknown signer) or "Invalid"; "Unchecked"
    if C2PA was not asked."""

    signer: str = ""
    """Common name and organization of the signer."""

    generator: str = ""
    """Name and version of the program that wrote the manifest."""

    actions: tuple[str, ...] = ()
    """C2PA's names of the actions, such as "c2pa.edited"."""

    source_types: tuple[str, ...] = ()
    """IPTC's digital source types of the actions, URLs."""

    ingredients: tuple[CredentialInput, ...] = ()
    """The inputs."""

    errors: tuple[str, ...] = ()
    """C2PA's validation codes, or messages; for "Unchecked", the reason."""


def is_installed() -> bool:
    """Return whether the packages for C2PA are installed."""
    return find_spec("c2pa") is not None and find_spec("cryptography") is not None


def install_hint() -> str:
    """Return what to do without these packages, as a sentence without a period."""
    return f"C2PA needs the packages c2pa-python and cryptography; {extras_advice('provenance')}"


def sign(
    part: Path, suffix: str, title: str, mark: DisclosureMark, source: Path, key: SigningKey
) -> str:
    """Add a signed manifest to a finished file, in place.

    Args:
        part: The file.
        suffix: Suffix of its format, such as ".mp4".
        title: The file's final name.
        mark: The disclosure mark.
        source: The input; its own credentials are included, even if they are invalid.
        key: The key to sign with.

    Returns:
        If C2PA cannot read the input, a sentence that says why; otherwise "".

    Raises:
        c2pa.C2paError: If the manifest cannot be written.
    """
    reason = ""
    mime_type = detect_mime_type(source) if source.is_file() else None
    if mime_type:
        try:
            _sign(part, suffix, _manifest(title, mark, ()), key, (source, mime_type))
        except _InputUnreadable as error:
            reason = (
                f"C2PA cannot read {utf8_text(source.name)} ({error}); any credentials in it are "
                "left out."
            )
        else:
            return ""
    definition = _manifest(title, mark, (_unreadable_ingredient(source),))
    _sign(part, suffix, definition, key, None)
    return reason


class _InputUnreadable(Exception):
    """C2PA cannot read the input or its credentials."""


def _sign(
    part: Path,
    suffix: str,
    definition: dict[str, Any],
    key: SigningKey,
    parent: tuple[Path, str] | None,
) -> None:
    """Sign a file with a manifest; add the input, given with its MIME type, if C2PA can read it."""
    import c2pa  # noqa: PLC0415  an extra

    info = c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.private, None)
    with (
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Signer.from_info(info) as signer,
        c2pa.Builder(definition, context=context) as builder,
    ):
        if parent:
            _add_parent(builder, *parent)
        with (
            atomic_file(part) as signed,
            part.open("rb") as unsigned,
            signed.open("w+b") as file,
        ):
            builder.sign(signer, C2PA_FORMATS[suffix], unsigned, file)


def _add_parent(builder: Any, source: Path, mime_type: str) -> None:
    import c2pa  # noqa: PLC0415  an extra

    parent = {
        "title": utf8_text(source.name),
        "relationship": "parentOf",
        "label": _PARENT_LABEL,
    }
    try:
        with source.open("rb") as file:
            if has_too_many_boxes(file):
                raise _InputUnreadable(_TOO_MANY_BOXES)
            builder.add_ingredient(parent, mime_type, file)
    except c2pa.C2paError as error:
        raise _InputUnreadable(str(error)) from error


def check_key(key: SigningKey) -> None:
    """Check that C2PA accepts a key; called before the work.

    Args:
        key: The key.

    Raises:
        UsageError: If it does not.
    """
    import c2pa  # noqa: PLC0415  an extra

    try:
        c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.private, None)
        ).close()
    except c2pa.C2paError as error:
        raise UsageError(f"C2PA does not accept this certificate: {error}.") from error


def read_credentials(path: Path, mime_type: str, trusted: bytes = b"") -> ContentCredentials | None:
    """Read and validate a file's manifest.

    Args:
        path: The file.
        mime_type: Its MIME type.
        trusted: Certificates in PEM to trust, besides this machine's own.

    Returns:
        The credentials, None if the file has none.

    Raises:
        ProviderMissing: If the extra is not installed.
    """
    if not is_installed():
        raise ProviderMissing(f"{path} has C2PA credentials. {install_hint()}")
    import c2pa  # noqa: PLC0415  an extra

    anchors = (local_certificate() or b"") + trusted
    settings = _SETTINGS | (
        {"trust": {"trust_anchors": anchors.decode(errors="replace")}} if anchors else {}
    )
    try:
        with path.open("rb") as file, c2pa.Context.from_dict(settings) as context:
            if has_too_many_boxes(file):
                return ContentCredentials("Unchecked", errors=(_TOO_MANY_BOXES,))
            with c2pa.Reader(mime_type, file, context=context) as reader:
                return _parse_report(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        return ContentCredentials("Invalid", errors=(str(error),))


def _manifest(
    title: str, mark: DisclosureMark, ingredients: tuple[dict[str, str], ...]
) -> dict[str, Any]:
    tool = {"name": "faceloom", "version": __version__}
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT_LABEL]}}
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": tool,
        "description": mark.describe_swap(),
    }
    return {
        "claim_generator_info": [tool],
        "title": utf8_text(title),
        "ingredients": list(ingredients),
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [opened, edited]}}],
    }


def _unreadable_ingredient(source: Path) -> dict[str, str]:
    """Describe an input that C2PA cannot read (Matroska, a folder); a file by its SHA-256."""
    instance = f"sha256:{sha256_of_file(source)}" if source.is_file() else "faceloom:folder"
    return {
        "title": utf8_text(source.name),
        "format": "application/octet-stream",
        "relationship": "parentOf",
        "label": _PARENT_LABEL,
        "instance_id": instance,
    }


def _parse_report(report: Mapping[str, Any]) -> ContentCredentials:
    """Read C2PA's report; another program's manifest may lack any of the keys."""
    active = report.get("manifests", {}).get(report.get("active_manifest"), {})
    generator = (active.get("claim_generator_info") or [{}])[0]
    actions = [
        action
        for assertion in active.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    return ContentCredentials(
        state=report.get("validation_state", "Invalid"),
        signer=_signer(active),
        generator=" ".join(filter(None, (generator.get("name"), generator.get("version")))),
        actions=tuple(str(action.get("action")) for action in actions),
        source_types=tuple(
            str(a["digitalSourceType"]) for a in actions if "digitalSourceType" in a
        ),
        ingredients=tuple(
            _parse_ingredient(ingredient, report) for ingredient in active.get("ingredients", [])
        ),
        errors=_error_codes(report.get("validation_status", [])),
    )


def _parse_ingredient(ingredient: Mapping[str, Any], report: Mapping[str, Any]) -> CredentialInput:
    manifest = report.get("manifests", {}).get(ingredient.get("active_manifest"))
    results = ingredient.get("validation_results", {}).get("activeManifest", {})
    return CredentialInput(
        title=ingredient.get("title", "?"),
        identifier=ingredient.get("instance_id", ""),
        signer=_signer(manifest) if manifest else "",
        errors=_error_codes(results.get("failure", [])) if manifest else (),
    )


def _error_codes(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the codes of validation errors, each once."""
    codes = dict.fromkeys(str(row.get("code", "?")) for row in rows)
    return tuple(code for code in codes if code != _UNTRUSTED_CODE)[:_MAX_ERRORS]


def _signer(manifest: Mapping[str, Any]) -> str:
    signature = manifest.get("signature_info", {})
    return ", ".join(filter(None, (signature.get("common_name"), signature.get("issuer"))))
