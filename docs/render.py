"""Write the references in docs/ref from the tables in the source; with --check, say which would change.

`make docs` runs this, `make docs-check` and the tests run it with --check.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from vswitch.flow.fields import FIELDS
from vswitch.openflow.actions.base import CLASSES
from vswitch.openflow.actions.text import MODULES as _ACTIONS  # noqa: F401 - declares them
from vswitch.openflow.codec import VENDORS
from vswitch.openflow.errors import all_errors
from vswitch.openflow.message import FAMILIES
from vswitch.openflow.message import registered as registered_messages
from vswitch.openflow.value import Value
from vswitch.openflow.version import OF15

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


def messages() -> Iterator[str]:
    """Every OpenFlow message, from vswitch.openflow.messages."""
    yield "# OpenFlow messages"
    yield ""
    yield "Each class with where it is on the wire: the kind of message, the versions, the number."
    yield ""
    yield "| class | in `vswitch.openflow.messages` | on the wire | fields | |"
    yield "|---|---|---|---|---|"
    declared = {cls for _, _, cls in registered_messages()}
    for cls in sorted(declared, key=lambda cls: (FAMILIES.index(_module(cls)), cls.__name__)):
        forms = ", ".join(_place(form.kind, form.first, form.last, form.number) for form in cls.forms)
        yield f"| `{cls.__name__}` | `{_module(cls)}` | {forms} | {_fields(cls)} | {_summary(cls)} |"


def actions() -> Iterator[str]:
    """Every action and instruction, from vswitch.openflow.actions and vswitch.openflow.instructions."""
    yield "# OpenFlow actions and instructions"
    yield ""
    yield "Each class with its name in text and where it is on the wire; those without a place are instructions."
    yield ""
    yield "| in text | class | in `vswitch.openflow` | on the wire | fields | |"
    yield "|---|---|---|---|---|---|"
    vendors = {number: name for name, number in VENDORS.items()}
    for cls in sorted(CLASSES, key=lambda cls: cls.name):
        places = ", ".join(
            _place(vendors[code.vendor], code.first, code.last, code.number) for code in cls.codes
        )
        module = cls.__module__.removeprefix("vswitch.openflow.")
        yield f"| `{cls.name}` | `{cls.__name__}` | `{module}` | {places} | {_fields(cls)} | {_summary(cls)} |"


def errors() -> Iterator[str]:
    """Every OpenFlow error, from vswitch.openflow.errors."""
    yield "# OpenFlow errors"
    yield ""
    yield "Each with its numbers: (type,code) in OpenFlow, and in vendors' errors, by versions."
    yield ""
    yield "| error | numbers |"
    yield "|---|---|"
    for code in all_errors():
        yield f"| `{code.name}` | {code.notation} |"


def _place(kind: str, first: int, last: int, number: int) -> str:
    end = "" if first == last else "+" if last == OF15 else f"-1.{last - 1}"
    return f"{kind} 1.{first - 1}{end}({number})"


def _fields(cls: type[Value]) -> str:
    return ", ".join(f"`{name}`" for name in cls.__match_args__ if name != "more")


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").split("\n")[0].replace("|", "\\|")


def _module(cls: type) -> str:
    return cls.__module__.rpartition(".")[2]


RENDERED: dict[str, Callable[[], Iterator[str]]] = {
    "fields.md": fields,
    "messages.md": messages,
    "actions.md": actions,
    "errors.md": errors,
}


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
