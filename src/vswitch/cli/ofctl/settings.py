"""What ovs-ofctl's options say, as the commands want to know it.

Sources: ovs-ofctl(8), "OPTIONS".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping

from vswitch.base.options import BOOTSTRAP, DAEMON, HELP, LISTING, LOGGING, SSL, CommandError, Given, Option
from vswitch.linux.sockets import TlsOptions
from vswitch.openflow.version import OF10, OF13, OF14, OF15, Version, parse_version

OPTIONS = (
    Option("timeout", "=", "t"),
    Option("strict"),
    Option("readd"),
    Option("flow-format", "=", "F"),
    Option("packet-in-format", "=", "P"),
    Option("more", "", "m"),
    Option("timestamp"),
    Option("sort", "?"),
    Option("rsort", "?"),
    Option("names"),
    Option("no-names"),
    Option("stats"),
    Option("no-stats"),
    Option("unixctl", "="),
    HELP[0],
    *LISTING,
    Option("bundle"),
    Option("color", "?"),
    Option("may-create"),
    Option("pcap"),
    Option("raw"),
    Option("read-only"),
    *DAEMON,
    HELP[1],
    Option("protocols", "=", "O"),
    *LOGGING,
    *SSL,
    *BOOTSTRAP,
)

# Flow formats (-F): the version that each belongs to, and whether its matches are NXM and its flow-mods name tables.
FLOW_FORMATS = {
    "OpenFlow10-table_id": (1, False, False),
    "OpenFlow10+table_id": (1, False, True),
    "NXM-table_id": (1, True, False),
    "NXM+table_id": (1, True, True),
    "OpenFlow11": (2, False, True),
    "OXM-OpenFlow12": (3, False, True),
    "OXM-OpenFlow13": (4, False, True),
    "OXM-OpenFlow14": (5, False, True),
    "OXM-OpenFlow15": (6, False, True),
}
_FAMILIES = {
    "any": tuple(FLOW_FORMATS),
    "OpenFlow10": ("OpenFlow10-table_id", "OpenFlow10+table_id"),
    "NXM": ("NXM-table_id", "NXM+table_id"),
    "OXM": tuple(name for name in FLOW_FORMATS if name.startswith("OXM")),
}


class Settings:
    """The options of one command line."""

    def __init__(self, given: Given, *, bundle: bool = False) -> None:
        self.bundle = bundle or "bundle" in given
        self.versions = allowed_versions(given.all("protocols"))
        if self.bundle:  # only these have them
            self.versions = self.versions & {OF13, OF14, OF15} or frozenset({OF14})
        self.formats = flow_formats(given.get("flow-format"))
        self.tls = TlsOptions.from_options(given)
        self.strict = "strict" in given
        self.verbosity = len(given.all("more"))
        self.timestamps = "timestamp" in given
        self.stats = last_of(given, "stats", "no-stats", default=True)
        self.accept_names = last_of(given, "names", "no-names", default=True)
        self.show_names = last_of(given, "names", "no-names", default=sys.stdout.isatty())
        self.sorting = [(text, name == "rsort") for name, text in given if name in ("sort", "rsort")]
        self.colors = colors(given)
        self.packet_in_format = packet_in_format(given.get("packet-in-format"))
        self._check_formats()

    def _check_formats(self) -> None:
        """At least one flow format must belong to a version that is allowed."""
        if not any(FLOW_FORMATS[name][0] in self.versions for name in self.formats):
            versions = ", ".join(version.long_name for version in sorted(self.versions))
            raise CommandError(
                f"None of the enabled OpenFlow versions ({versions}) supports any of the enabled flow formats "
                f"({formats_text(self.formats)}).  (Use -O to enable additional OpenFlow versions or -F to enable "
                "additional flow formats.)"
            )


# Packet-in formats (-P) under their names, the old ones among them: NXPIF_*.
PACKET_IN_FORMATS = {"standard": 0, "openflow10": 0, "nxt_packet_in": 1, "nxm": 1, "nxt_packet_in2": 2}


def packet_in_format(text: str | None) -> int | None:
    """The number of the format that -P names."""
    if text is None:
        return None
    number = PACKET_IN_FORMATS.get(text.lower().replace("-", "_"))
    if number is None:
        raise CommandError(f"unknown packet-in format `{text}'")
    return number


def check_options(given: Given) -> None:
    """Refuse options that mean nothing, in their order, and together; whether the command has a use for them or not."""
    for name, text in given:
        if (check := _CHECKS.get(name)) is not None:
            check(text)
    Settings(given)


def _check_sorting(text: str | None) -> None:
    from vswitch.cli.ofctl.sorting import sort_field  # which knows fields: few commands need them

    sort_field(text)


def color_when(text: str | None) -> str:
    """When to use colours: always, never, or auto."""
    when = text or "auto"
    if when not in ("always", "never", "auto"):
        raise CommandError(f"incorrect value `{when}' for --color")
    return when


def colors(given: Given) -> bool:
    """Whether --color asks for colours: always, never, or auto (the default), on a terminal only."""
    if "color" not in given:
        return False
    when = color_when(given.get("color"))
    return when == "always" or (when == "auto" and sys.stdout.isatty())


def last_of(given: Given, yes: str, no: str, *, default: bool) -> bool:
    """Which of two options that contradict each other was given last."""
    for name, _ in reversed(given.pairs):
        if name in (yes, no):
            return name == yes
    return default


def allowed_versions(texts: list[str | None]) -> frozenset[Version]:
    """The versions that the -O options name; OpenFlow 1.0 if there are none."""
    allowed: set[Version] = set()
    for text in texts:
        for word in filter(None, (text or "").replace(",", " ").split()):
            version = parse_version(word)
            if version is None:
                raise CommandError(f'Unknown OpenFlow version: "{word}"')
            allowed.add(version)
    return frozenset(allowed or {OF10})


def flow_formats(text: str | None) -> tuple[str, ...]:
    """The flow formats that -F names, by any of their names, in any case; all if it was not given."""
    if text is None:
        return tuple(FLOW_FORMATS)
    known = {
        name.lower(): names for name, names in (_FAMILIES | {name: (name,) for name in FLOW_FORMATS}).items()
    }
    formats: list[str] = []
    for word in filter(None, text.split(",")):
        names = known.get(word.lower())
        if names is None:
            raise CommandError(f"{word}: unknown flow protocol")
        formats += names
    return tuple(formats)


_CHECKS: Mapping[str, Callable[[str | None], object]] = {
    "sort": _check_sorting,
    "rsort": _check_sorting,
    "color": color_when,
    "protocols": lambda text: allowed_versions([text]),
    "flow-format": flow_formats,
    "packet-in-format": packet_in_format,
}


def formats_text(formats: Iterable[str]) -> str:
    """Flow formats by name, by the name of their family where they are all of it: `NXM,OXM`, `OXM,NXM+table_id`."""
    rest = [name for name in FLOW_FORMATS if name in set(formats)]
    names = []
    for family, members in _FAMILIES.items():
        if set(members) <= set(rest):
            names.append(family)
            rest = [name for name in rest if name not in members]
    return ",".join([*names, *rest])


def check_formats(settings: Settings, usable: Iterable[str]) -> None:
    """Refuse a command that needs a flow format that -O and -F do not allow."""
    allowed = [name for name in settings.formats if FLOW_FORMATS[name][0] in settings.versions]
    if not set(usable) & set(allowed):
        raise CommandError(
            f"none of the usable flow formats ({formats_text(usable)}) is among the allowed flow formats "
            f"({formats_text(allowed)})"
        )
