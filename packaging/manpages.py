"""Writes the pages of docs/man as man(1) reads them.

    python3 packaging/manpages.py DESTINATION NAME...

DESTINATION gets man1, man5 and man8, with pages for the programs and databases named.

Sources: man-pages(7), groff_man(7).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "docs/man"
SECTION_1 = ("ovsdb-client", "ovsdb-server", "ovsdb-tool", "ovs-pcap", "ovs-tcpundump")
SECTION_5 = ("ovs-vswitchd.conf.db",)  # all others are in 8


def main() -> None:
    """Write them."""
    destination, *names = sys.argv[1:]
    for name in names:
        section = 1 if name in SECTION_1 else 5 if name in SECTION_5 else 8
        [source] = PAGES.rglob(f"{name}.md")
        page = Path(destination, f"man{section}", f"{name}.{section}")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("\n".join(roff(source.read_text(encoding="utf-8"), section)) + "\n", encoding="utf-8")


def roff(text: str, section: int) -> Iterator[str]:
    """The lines of the page of which `text` is the Markdown."""
    lines = iter(text.splitlines())
    name = next(lines).removeprefix("# ")
    next(lines)
    yield f'.TH "{name}" {section} "" "vswitch" "Open vSwitch"'
    yield ".SH NAME"
    yield rf"{escaped(name)} \- {inline(next(lines)).rstrip('.')}"
    is_code, cells = False, 0
    for line in lines:
        if line.startswith("```"):
            is_code = not is_code
            yield from ((".PP", ".RS 4", ".nf") if is_code else (".fi", ".RE"))
        elif is_code:
            yield escaped(line)
        elif line.startswith("#"):
            title = inline(line.lstrip("# "))
            yield f".SH {title.upper()}" if line.startswith("## ") else f".SS {title}"
        elif line.startswith("|"):
            row = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells and not set(line) <= set("|-: "):
                yield from (".TP", inline(row[0]), inline(" | ".join(row[1:])))
            cells += 1
            continue  # the first row has the names of the columns
        else:
            yield inline(line) if line else ".PP"
        cells = 0


def inline(text: str) -> str:
    """A line of text, with what is code in bold and of links what they say."""
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text.replace(r"\|", "|"))
    parts = escaped(text).split("`")
    return "".join(rf"\fB{part}\fR" if number % 2 else part for number, part in enumerate(parts))


def escaped(text: str) -> str:
    """A line of text that is nothing but text."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    main()
