"""The command line of interface-reconfigure, as a value.

Sources: XenServer 5.6 to 6.0: XAPI, its init scripts and xe-reset-networking call it so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vswitch.base.dataclass import dataclass, field
from vswitch.base.options import REQUIRED, CommandError, Option, parse_options

PROGRAM = "interface-reconfigure"
ACTIONS = ("up", "down", "rewrite", "rewrite-configuration")
SELECTORS = ("session", "pif", "pif-uuid")
ADDRESS = ("mac", "device", "mode", "ip", "netmask", "gateway")
OPTIONS = (
    *(Option(name, REQUIRED) for name in (*SELECTORS, "force", "force-interface")),
    Option("management"),
    *(Option(name, REQUIRED) for name in (*ADDRESS, "root-prefix")),
    Option("no-syslog"),
    Option("dry-run"),
    Option("help", short="h"),
)
USAGE_STATUS = 2

USAGE = f"""usage: {PROGRAM} [OPTIONS] up|down|rewrite
Brings a PIF of a XenServer host up or down, or writes anew what depends on XAPI's records alone.
Which PIF, by XAPI's records:
  --session=REF --pif=REF   in somebody's session
  --pif-uuid=UUID           by its UUID
  --management              it is, or becomes, the management interface
Which PIF, by the records kept from the last time (XAPI need not run):
  --force=BRIDGE            the one on BRIDGE; also --force-interface=BRIDGE
Emergency: forget those records for one management interface, for the next boot:
  --force=BRIDGE rewrite --device=DEVICE --mac=MAC --mode=dhcp
  --force=BRIDGE rewrite --device=DEVICE --mac=MAC --mode=static --ip=IP --netmask=MASK [--gateway=IP]
Other options:
  --dry-run                 print what would be done; do nothing
  --root-prefix=DIR         take all files and programs from under DIR
  --no-syslog               log to standard error
  -h, --help                print this help"""


class UsageError(CommandError):
    """The command line is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}\nFor help, use --help.", USAGE_STATUS)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What is to be done."""

    action: str = ""  # up, down or rewrite
    session: str = ""
    pif: str = ""
    pif_uuid: str = ""
    force: str = ""  # the bridge
    management: bool = False
    address: Mapping[str, str] = field(default_factory=dict)  # of ADDRESS, those given
    root: str = ""
    to_syslog: bool = True
    is_dry_run: bool = False
    wants_help: bool = False

    @property
    def is_emergency(self) -> bool:
        """Whether the records are to be replaced by the ones given here."""
        return bool(self.force) and self.action == "rewrite"


def parse_arguments(words: Sequence[str]) -> Arguments:
    """The arguments in `words`; raises UsageError."""
    try:
        given, rest = parse_options(words, OPTIONS)
    except CommandError as error:
        raise UsageError(str(error)) from None
    if "help" in given:
        return Arguments(wants_help=True)
    if len(rest) != 1:
        raise UsageError("an action is required" if not rest else "only one action is allowed")
    if rest[0] not in ACTIONS:
        raise UsageError(f"unknown action '{rest[0]}'")
    arguments = Arguments(
        action="rewrite" if rest[0] == "rewrite-configuration" else rest[0],
        session=given.get("session") or "",
        pif=given.get("pif") or "",
        pif_uuid=given.get("pif-uuid") or "",
        force=given.get("force-interface") or given.get("force") or "",
        management="management" in given,
        address={name: value for name in ADDRESS if (value := given.get(name)) is not None},
        root=given.get("root-prefix") or "",
        to_syslog="no-syslog" not in given,
        is_dry_run="dry-run" in given,
    )
    _check(arguments)
    return arguments


def _check(arguments: Arguments) -> None:
    """Raise UsageError if the options do not go together."""
    if (arguments.session or arguments.pif) and arguments.pif_uuid:
        raise UsageError("--session and --pif do not go with --pif-uuid")
    if bool(arguments.session) != bool(arguments.pif):
        raise UsageError("--session and --pif go together")
    if arguments.force and (arguments.session or arguments.pif_uuid):
        raise UsageError("--force does not go with --session, --pif or --pif-uuid")
    if arguments.address and not arguments.is_emergency:
        names = ", ".join(f"--{name}" for name in arguments.address)
        raise UsageError(f"{names}: only for --force BRIDGE rewrite")
    if arguments.action == "rewrite" and (arguments.pif or arguments.pif_uuid):
        raise UsageError("rewrite is for all PIFs: no --pif or --pif-uuid")
    if arguments.action != "rewrite" and not (arguments.force or arguments.pif or arguments.pif_uuid):
        raise UsageError(f"{arguments.action} needs a PIF: --pif, --pif-uuid or --force")
    if arguments.is_emergency:
        _check_address(arguments.address)


def _check_address(address: Mapping[str, str]) -> None:
    required = ["mode", "mac", "device"]
    if address.get("mode") == "static":
        required += ["ip", "netmask"]
    if missing := [f"--{name}" for name in required if not address.get(name)]:
        raise UsageError(f"--force BRIDGE rewrite needs {', '.join(missing)}")
    if address["mode"] not in ("dhcp", "static"):
        raise UsageError(f"--mode is 'dhcp' or 'static', not '{address['mode']}'")
