"""Tables as the database tools print them: table, list, html, csv, json; cells as string, bare, json.

Sources: ovs-vsctl(8), "Table Formatting Options"; RFC 4180 for csv.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vswitch.base.digits import parse_decimal
from vswitch.base.jsontype import Json
from vswitch.base.lightjson import encode, encode_pretty
from vswitch.base.options import REQUIRED, CommandError, Given, Option
from vswitch.ovsdb.column import Column
from vswitch.ovsdb.valuetext import format_bare, format_value, is_uuid

FORMATS = ("table", "list", "html", "csv", "json")
CELLS = ("string", "bare", "json")
TABLE = (
    Option("format", REQUIRED, "f"),
    Option("data", REQUIRED, "d"),
    Option("no-headings"),
    Option("pretty"),
    Option("bare"),
    Option("max-column-width", REQUIRED),
)


class Style:
    """How tables are to be printed."""

    def __init__(self, format: str = "table", cells: str = "string") -> None:
        self.format = format
        self.cells = cells
        self.headings = True
        self.pretty = False
        self.max_width = 0  # no limit

    @classmethod
    def from_options(cls, given: Given, format: str = "table") -> Style:
        """What the options TABLE ask for; raises CommandError."""
        style = cls(format)
        for name, value in given:
            match name:
                case "format":
                    style.format = _one_of(FORMATS, value, "output")
                case "data":
                    style.cells = _one_of(CELLS, value, "data")
                case "no-headings":
                    style.headings = False
                case "pretty":
                    style.pretty = True
                case "bare":
                    style.format, style.cells, style.headings = "list", "bare", False
                case "max-column-width":
                    style.max_width = parse_decimal(value or "") or 0
                case _:
                    pass
        return style


def _one_of(names: Sequence[str], name: str | None, what: str) -> str:
    if name is None or name not in names:
        raise CommandError(f'unknown {what} format "{name}"')
    return name


class Cell:
    """One cell: nothing (None), a text, a database value of `column`, or any JSON."""

    __slots__ = ("column", "is_json", "value")

    def __init__(self, value: Json, column: Column | None = None, *, is_json: bool = False) -> None:
        self.value = value
        self.column = column
        self.is_json = is_json

    def text(self, cells: str) -> str:
        """The cell as text, its data being shown as `cells` says."""
        if self.column is not None:
            if cells == "json":
                return encode(self.column.to_json(self.value))
            return (format_value if cells == "string" else format_bare)(self.value, self.column)
        if self.value is None:
            return ""
        return encode(self.value) if self.is_json else str(self.value)

    def json(self) -> Json:
        """The cell as JSON."""
        return self.value if self.column is None else self.column.to_json(self.value)


class Table:
    """Headings and rows of cells, with an optional caption and time of printing."""

    def __init__(self, headings: Iterable[str], caption: str = "", timestamp: str = "") -> None:
        self.headings = list(headings)
        self.rows: list[list[Cell]] = []
        self.caption = caption
        self.timestamp = timestamp

    def lines(self, style: Style) -> Iterator[str]:
        """The table's lines in `style`."""
        return _PRINTERS[style.format](self, style)


def print_tables(tables: Iterable[Table], style: Style) -> Iterator[str]:
    """The lines of several tables, one after another: a blank line between them."""
    for number, table in enumerate(tables):
        if number and style.format not in ("json", "html"):
            yield ""
        yield from table.lines(style)


def _above(table: Table) -> Iterator[str]:
    if table.timestamp:
        yield table.timestamp
    if table.caption:
        yield table.caption


def _as_table(table: Table, style: Style) -> Iterator[str]:
    yield from _above(table)
    rows = [[cell.text(style.cells) for cell in row] for row in table.rows]
    titles = [table.headings] if style.headings else []
    widths = [max((len(row[at]) for row in titles + rows), default=0) for at in range(len(table.headings))]
    if style.max_width:
        least = [len(title) if style.headings else 0 for title in table.headings]
        widths = [max(low, min(width, style.max_width)) for low, width in zip(least, widths, strict=True)]
    if style.headings:
        yield _padded(table.headings, widths)
        yield " ".join("-" * width for width in widths)
    for row in rows:
        yield _padded(row, widths)


def _padded(texts: list[str], widths: list[int]) -> str:
    return " ".join(text[:width].ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _as_list(table: Table, style: Style) -> Iterator[str]:
    yield from _above(table)
    for number, row in enumerate(table.rows):
        if number:
            yield ""
        for title, cell in zip(table.headings, row, strict=True):
            text = cell.text(style.cells)
            yield f"{title:<20}: {text}" if style.headings else text


def _as_csv(table: Table, style: Style) -> Iterator[str]:
    yield from _above(table)
    if style.headings:
        yield ",".join(map(_csv, table.headings))
    for row in table.rows:
        yield ",".join(_csv(cell.text(style.cells)) for cell in row)


def _csv(text: str) -> str:
    if not any(letter in text for letter in '\n\v\f\r",'):
        return text
    return '"' + text.replace('"', '""') + '"'


def _as_html(table: Table, style: Style) -> Iterator[str]:
    if table.timestamp:
        yield table.timestamp
    yield "<table border=1>"
    if table.caption:
        yield f"    <caption>{_html(table.caption)}</caption>"
    if style.headings:
        yield from _html_row("th", map(_html, table.headings))
    for row in table.rows:
        texts = [cell.text(style.cells) for cell in row]
        yield from _html_row("td", map(_with_links, texts, table.headings))
    yield "</table>"


def _html_row(element: str, texts: Iterable[str]) -> Iterator[str]:
    yield "  <tr>"
    for text in texts:
        yield f"    <{element}>{text}</{element}>"
    yield "  </tr>"


def _with_links(text: str, title: str) -> str:
    """`text` with each UUID as a link to the row that it is of; in the column `_uuid`, as what such links lead to."""
    at = text.find("-") - 8
    if at < 0:
        return _html(text)
    if not is_uuid(uuid := text[at : at + 36]):
        return _html(text[: at + 9]) + _with_links(text[at + 9 :], title)
    reference = f'name="{uuid}"' if title == "_uuid" else f'href="#{uuid}"'
    return f"{_html(text[:at])}<a {reference}>{uuid[:8]}</a>{_with_links(text[at + 36 :], title)}"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _as_json(table: Table, style: Style) -> Iterator[str]:
    json: dict[str, Json] = {"caption": table.caption} if table.caption else {}
    if table.timestamp:
        json["time"] = table.timestamp
    json |= {"headings": table.headings, "data": [[cell.json() for cell in row] for row in table.rows]}
    yield encode_pretty(json) if style.pretty else encode(json)


_PRINTERS = {"table": _as_table, "list": _as_list, "csv": _as_csv, "html": _as_html, "json": _as_json}
