"""Self-contained HTML pages from Jinja2 templates: no script, nothing loaded from a network."""

import base64
import re

import cv2
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from faceloom import __version__
from faceloom.array_types import Rgb
from faceloom.image_io import encode_picture

# JPEG quality, 0 to 100: small files without visible artifacts at the sizes that pages show.
_JPEG_QUALITY = 82


def render_page(package: str, template: str, **context: object) -> str:
    """Render a template that lies in a package and extends `base.html.j2`.

    Every value is escaped unless it is `Markup`; an undefined name is an error.

    Args:
        package: Import path of the package that holds the template.
        template: File name of the template, for example `report.html.j2`.
        **context: Values for the template.

    Returns:
        The whole HTML document.
    """
    loaders = [PackageLoader(package, ""), PackageLoader("faceloom.reports")]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["options_as_code"] = _options_as_code
    return environment.get_template(template).render(version=__version__, **context)


def encode_jpeg(picture: Rgb) -> bytes:
    """Encode a picture as a JPEG for a page.

    Args:
        picture: RGB, `uint8`.

    Returns:
        The bytes of the JPEG file.
    """
    return encode_picture(picture, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))


def data_url(content: bytes, media_type: str = "image/jpeg") -> str:
    """Return a file's bytes as a `data:` URL.

    Args:
        content: The bytes of the file.
        media_type: MIME type, for example `video/mp4`.
    """
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def picture_url(picture: Rgb) -> str:
    """Return a picture as the `data:` URL of a JPEG.

    Args:
        picture: RGB, `uint8`.
    """
    return data_url(encode_jpeg(picture))


def _options_as_code(text: str) -> Markup:
    """Set options such as `--every` as code, so that no line breaks at their hyphens."""
    # The text is escaped before the tags are added.
    return Markup(  # noqa: S704
        re.sub(r"--[a-z-]+", r"<code>\g<0></code>", str(escape(text)))
    )
