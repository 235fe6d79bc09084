"""The key that marks are signed with on this machine, and the keys of one's own."""

import datetime
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloom.errors import UsageError

_CERTIFICATE, _KEY = "certificate.pem", "key.pem"
_YEARS = 20
_NO_USAGE = dict.fromkeys(
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
    "encipher_only decipher_only".split(),
    False,
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its chain of certificates, the key's own first, both PEM. algorithm: C2PA's name for it."""

    chain: bytes
    private: bytes
    algorithm: str


def signing_folder() -> Path:
    """Return where this machine's key lies: in the user's data folder (XDG_DATA_HOME)."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "faceloom" / "signing"


def local_certificate() -> bytes | None:
    """Return the chain that this machine's marks are signed with, None if it has signed nothing yet."""
    path = signing_folder() / _CERTIFICATE
    return path.read_bytes() if path.is_file() else None


def local_key() -> SigningKey:
    """Return this machine's key, made the first time. Raises UsageError if others can read it."""
    folder = signing_folder()
    if not folder.is_dir():
        _make(folder)
    if (folder / _KEY).stat().st_mode & 0o077:
        raise UsageError(
            f"{folder / _KEY} can be read by others; run chmod 600 on it, or remove {folder}."
        )
    return read_key(folder / _CERTIFICATE, folder / _KEY)


def read_key(certificate: Path, key: Path) -> SigningKey:
    """Read a PEM key without a password, and its chain. Raises UsageError if they are none, or of no use for C2PA."""
    from cryptography import x509  # noqa: PLC0415  an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        chain, private = certificate.read_bytes(), key.read_bytes()
        loaded = load_pem_private_key(private, None)
        own = x509.load_pem_x509_certificates(chain)[0]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"{certificate} and {key} are no PEM certificate and key to sign with ({error})."
        ) from error
    algorithm = _algorithm_of(loaded)
    if algorithm is None or own.public_key() != loaded.public_key():
        raise UsageError(
            f"{key} is not the key of {certificate}, or is of a kind that C2PA does not sign with."
        )
    return SigningKey(chain, private, algorithm)


def _algorithm_of(key: Any) -> str | None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "es256", 384: "es384", 521: "es512"}.get(key.curve.key_size)
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    return "ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else None


def _make(folder: Path) -> None:
    """Make a key under a root of its own, whose key is thrown away: C2PA takes no certificate that signs itself."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    chain = b"".join(
        one.public_bytes(pem) for one in (_leaf_certificate(leaf, root), _root_certificate(root))
    )
    private = leaf.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Nobody else can look into this folder, and it gets its name when it is whole.
    part = Path(tempfile.mkdtemp(prefix=".signing.", dir=folder.parent))
    try:
        (part / _CERTIFICATE).write_bytes(chain)
        with os.fdopen(
            os.open(part / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(private)
        part.rename(folder)
    except OSError:
        # Another process was first: its key is taken.
        if not (folder / _KEY).is_file():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _root_certificate(root: Any) -> Any:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    usage = x509.KeyUsage(**_NO_USAGE | {"key_cert_sign": True, "crl_sign": True})
    return (
        _certificate("Faceloom root of this machine", root, root)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(root, hashes.SHA256())
    )


def _leaf_certificate(leaf: Any, root: Any) -> Any:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    usage = x509.KeyUsage(**_NO_USAGE | {"digital_signature": True})
    purpose = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
    return (
        _certificate("Faceloom on this machine", leaf, root)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
        )
        .sign(root, hashes.SHA256())
    )


def _certificate(name: str, key: Any, root: Any) -> Any:
    from cryptography import x509  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("Faceloom root of this machine"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> Any:
    from cryptography import x509  # noqa: PLC0415

    organzation = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Faceloom, self-signed")
    return x509.Name([organzation, x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
