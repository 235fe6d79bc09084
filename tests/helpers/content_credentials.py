"""Files with C2PA credentials of another program."""

import io
from pathlib import Path
from typing import Any

import pytest

from faceloom.provenance import signing_key
from faceloom.provenance.credentials import C2PA_FORMATS
from faceloom.provenance.signing_key import SigningKey

# IPTC's term for a recording of a camera.
CAMERA_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
# A thumbnail's content; nobody decodes it.
THUMBNAIL = b"\xff\xd8\xff thumbnail of the recording"
_MANIFEST = {
    "claim_generator_info": [{"name": "Camera", "version": "1"}],
    "title": "recording",
    "thumbnail": {"format": "image/jpeg", "identifier": "thumbnail"},
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [{"action": "c2pa.created", "digitalSourceType": CAMERA_SOURCE_TYPE}]
            },
        }
    ],
}


def camera_key(folder: Path) -> SigningKey:
    """Return a key of "Camera", of which this machine knows nothing; `folder` is its home."""
    original: Any = signing_key._x509_name
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        patch.setattr(
            signing_key, "_x509_name", lambda name: original(name.replace("Faceloom", "Camera"))
        )
        return signing_key.local_key()


def sign_as_camera(path: Path, key: SigningKey, out: Path) -> Path:
    """Copy a file to `out` with a signed manifest, as a camera writes it."""
    import c2pa

    info = c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.private, None)
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(_MANIFEST) as builder:
        builder.add_resource("thumbnail", io.BytesIO(THUMBNAIL))
        with path.open("rb") as source, out.open("w+b") as file:
            builder.sign(signer, C2PA_FORMATS[path.suffix], source, file)
    return out
