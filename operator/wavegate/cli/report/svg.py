"""Elements of SVG and HTML as text. What comes from a cluster is escaped here, and only here."""

from __future__ import annotations

import html
import re
from typing import Final

_NEVER_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


_EMPTY: Final = ("meta", "rect", "line", "circle", "path")
"""Elements that may have nothing in them: HTML knows no other that ends itself."""


class Markup(str):
    """Text that is markup already: elements made here, and nothing else."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: object) -> Markup:
    """``element("text", "a<b", x=1, class_="t")`` is ``<text x="1" class="t">a&lt;b</text>``.

    A ``_`` in an attribute's name stands for ``-``, at its end for nothing. Attributes that are
    None or empty are left out; children that are no Markup are escaped.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    inner = "".join(each if isinstance(each, Markup) else escaped(each) for each in children)
    if name in _EMPTY and not inner:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{inner}</{name}>")


def joined(parts: list[Markup]) -> Markup:
    return Markup("".join(parts))


def escaped(text: str) -> str:
    """For content and for attributes in double quotes, without what XML does not allow at all."""
    return html.escape(_NEVER_IN_XML.sub("�", text), quote=True)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".rstrip("0").rstrip(".")
    return value if isinstance(value, Markup) else escaped(str(value))
