"""SVG elements as escaped markup."""

from markupsafe import Markup, escape


def element(tag: str, *children: str | Markup, **attributes: object) -> Markup:
    """Build an SVG element.

    Args:
        tag: Name of the element.
        *children: Text, which is escaped, or elements.
        **attributes: Attributes; `_` stands for `-`, and a trailing `_` is dropped (`class_`).
            Floats are rounded to two decimals. None leaves the attribute out.

    Returns:
        The element as markup.
    """
    given = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _number(value))
        for name, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, given, inside)


def group(*children: Markup, x: float = 0, y: float = 0, **attributes: object) -> Markup:
    """Build a group of elements, moved by `x` and `y` pixels.

    Args:
        *children: The elements.
        x: Pixels to the right.
        y: Pixels down.
        **attributes: Attributes of the group.
    """
    moved = f"translate({x:g} {y:g})" if x or y else None
    return element("g", *children, transform=moved, **attributes)


def text(content: str, x: float, y: float, anchor: str = "start", **attributes: object) -> Markup:
    """Build a text element.

    Args:
        content: The text, which is escaped.
        x: Pixels from the left.
        y: Pixels from the top to the baseline.
        anchor: Part of the text that is at `x`: `start`, `middle` or `end`.
        **attributes: Further attributes.
    """
    return element("text", content, x=float(x), y=float(y), text_anchor=anchor, **attributes)


def drawing(width: float, height: float, *children: Markup) -> Markup:
    """Build the `svg` element.

    Args:
        width: Pixels.
        height: Pixels.
        *children: What it shows.
    """
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
    )


def _number(value: object) -> object:
    return f"{round(value, 2):g}" if isinstance(value, float) else value
