"""Write the references in docs/ref from the tables in the source; with --check, say which would change.

`make docs` runs this, `make docs-check` and the tests run it with --check.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from vswitch.flow.fields import FIELDS

REFERENCES = Path(__file__).parent / "ref"
NOTE = "<!-- Written by docs/render.py from the source: change the table there, then run `make docs`. -->"


def fields() -> Iterator[str]:
    """Every match field, from vswitch.flow.fields."""
    yield "# Match fields"
    yield ""
    yield "| field | bits | reads as | needs | maskable | writable | NXM and OXM types, each with its first version |"
    yield "|---|---|---|---|---|---|---|"
    for field in FIELDS:
        names = ", ".join(f"`{name}`" for name in (field.name, *field.aka))
        flags = f"{'yes' if field.maskable else 'no'} | {'yes' if field.writable else 'no'}"
        yield f"| {names} | {field.bits} | {field.text.name} | {field.needs.name} | {flags} | {field.codes} |"


RENDERED: dict[str, Callable[[], Iterator[str]]] = {"fields.md": fields}


def main(words: list[str]) -> int:
    """Write, or check; 1 if a file that was to be checked is out of date."""
    stale = []
    for name, render in RENDERED.items():
        path = REFERENCES / name
        text = "\n".join([NOTE, "", *render(), ""])
        if "--check" not in words:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
