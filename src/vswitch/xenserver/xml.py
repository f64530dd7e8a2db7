"""XML as XAPI and the cache of its records use it: elements with attributes and text, and nothing else.

The library's modules for it take 10 ms and more to import, which each plug of a PIF would wait for.

Sources: XML 1.0, 2.2 (characters), 2.4 (markup); pyexpat(3py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vswitch.base.errors import WireError

DEPTH = 100


class Element:
    """An element: its name, its attributes, the text before its first child, and its children."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""
        self.children: list[Element] = []

    def all(self, tag: str) -> Iterator[Element]:
        """The children called `tag`."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Element | None:
        """The first child called `tag`."""
        return next(self.all(tag), None)


def parse(text: str) -> Element:
    """The root of a document; raises WireError."""
    top = Element("", {})
    path = [top]
    pieces: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(path) > DEPTH:
            raise WireError("it is nested too deeply")
        element = Element(tag, attributes)
        if not path[-1].children:
            path[-1].text = "".join(pieces)
        pieces.clear()
        path[-1].children.append(element)
        path.append(element)

    def end(tag: str) -> None:
        element = path.pop()
        if not element.children:
            element.text = "".join(pieces)
        pieces.clear()

    scan(text, start, end, pieces.append)
    return top.children[0]


def scan(
    text: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    characters: Callable[[str], object],
) -> None:
    """Tell of each part of a document in turn; raises WireError, for entities of its own, too: they can be endless."""
    from xml.parsers.expat import ExpatError, ParserCreate

    def refuse(*words: object) -> None:
        raise WireError("it has a document type of its own")

    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except (ExpatError, UnicodeError) as error:
        raise WireError(str(error)) from None


def escape(text: str) -> str:
    """`text` as XML; characters that XML 1.0 cannot hold are left out, for somebody must be able to read it."""
    if not text.isascii() or not text.isprintable():
        text = "".join(filter(_is_character, text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _is_character(letter: str) -> bool:
    if letter < " ":
        return letter in "\t\n\r"
    return not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff"
