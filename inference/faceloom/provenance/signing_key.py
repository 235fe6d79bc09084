"""The key that C2PA manifests are signed with: this machine's own, or the user's."""

import datetime
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloom.errors import UsageError
from faceloom.operating_system import flush_names, flush_to_disk
from faceloom.operating_system.user_folders import data_folder

# File name of the certificate chain, PEM.
_CERTIFICATE = "certificate.pem"
# File name of the private key, PEM.
_KEY = "key.pem"
# Years for which this machine's certificates are valid.
_VALID_YEARS = 20
_NO_KEY_USAGE = dict.fromkeys(
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
    "key_cert_sign crl_sign encipher_only decipher_only".split(),
    False,
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its certificates."""

    chain: bytes
    """Certificate chain in PEM, the key's own certificate first."""

    private: bytes
    """Private key in PEM."""

    algorithm: str
    """C2PA's name of the signature algorithm, such as "es256"."""


def signing_key_folder() -> Path:
    """Return the folder of this machine's key, in the user's data folder (XDG_DATA_HOME).

    Raises:
        UsageError: The user has no data folder.
    """
    return data_folder() / "signing"


def local_certificate() -> bytes | None:
    """Return this machine's certificate chain in PEM, None if it has no key that can be read."""
    try:
        return (signing_key_folder() / _CERTIFICATE).read_bytes()
    except (UsageError, OSError):
        return None


def local_key() -> SigningKey:
    """Return this machine's key; it is created on first use.

    Raises:
        UsageError: If it cannot be created or read, other users can read it, or it is invalid.
    """
    folder = signing_key_folder()
    try:
        if not folder.is_dir():
            _create_key(folder)
        mode = (folder / _KEY).stat().st_mode
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"This machine's signing key cannot be kept in {folder} ({reason}); set XDG_DATA_HOME "
            "to a writable folder."
        ) from error
    if mode & 0o077:
        raise UsageError(
            f"{folder / _KEY} can be read by other users; run chmod 600 on it, or remove {folder}."
        )
    return read_key(folder / _CERTIFICATE, folder / _KEY)


def read_key(certificate: Path, key: Path) -> SigningKey:
    """Read a private key without a password, and its certificate chain.

    Args:
        certificate: Certificate chain in PEM, the key's own certificate first.
        key: Private key in PEM.

    Raises:
        UsageError: If the files are not PEM, do not belong together, or C2PA does not support
            the type of key.
    """
    from cryptography import x509  # noqa: PLC0415  an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        chain, private = certificate.read_bytes(), key.read_bytes()
        loaded = load_pem_private_key(private, None)
        own = x509.load_pem_x509_certificates(chain)[0]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"{certificate} and {key} are not a certificate and a key in PEM ({error})."
        ) from error
    algorithm = _algorithm(loaded)
    if algorithm is None or own.public_key() != loaded.public_key():
        raise UsageError(
            f"{key} is not the key of {certificate}, or is of a type that C2PA does not support."
        )
    return SigningKey(chain, private, algorithm)


def _algorithm(key: Any) -> str | None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "es256", 384: "es384", 521: "es512"}.get(key.curve.key_size)
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    return "ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else None


def _create_key(folder: Path) -> None:
    """Create a key under a new root, whose key is discarded: C2PA rejects self-signed leaves."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    chain = b"".join(
        certificate.public_bytes(pem)
        for certificate in (_leaf_certificate(leaf, root), _root_certificate(root))
    )
    private = leaf.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # mkdtemp gives access to the owner only; the folder is renamed when it is complete.
    part = Path(tempfile.mkdtemp(prefix=".signing.", dir=folder.parent))
    try:
        (part / _CERTIFICATE).write_bytes(chain)
        with os.fdopen(
            os.open(part / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(private)
        for path in (part / _CERTIFICATE, part / _KEY, part):
            flush_to_disk(path)
        part.rename(folder)
        flush_names(folder.parent)
    except OSError:
        # If another process created a key at the same time, that one is used.
        if not (folder / _KEY).is_file():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _root_certificate(root: Any) -> Any:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    usage = x509.KeyUsage(**_NO_KEY_USAGE | {"key_cert_sign": True, "crl_sign": True})
    return (
        _certificate_builder("Faceloom root of this machine", root, root)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(root, hashes.SHA256())
    )


def _leaf_certificate(leaf: Any, root: Any) -> Any:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    usage = x509.KeyUsage(**_NO_KEY_USAGE | {"digital_signature": True})
    purpose = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
    return (
        _certificate_builder("Faceloom on this machine", leaf, root)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
        )
        .sign(root, hashes.SHA256())
    )


def _certificate_builder(name: str, key: Any, root: Any) -> Any:
    from cryptography import x509  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_x509_name(name))
        .issuer_name(_x509_name("Faceloom root of this machine"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _VALID_YEARS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _x509_name(name: str) -> Any:
    from cryptography import x509  # noqa: PLC0415

    organization = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Faceloom, self-signed")
    return x509.Name([organization, x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
