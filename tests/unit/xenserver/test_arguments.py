"""Which command lines are right."""

from __future__ import annotations

import pytest

from vswitch.xenserver.arguments import Arguments, UsageError, parse_arguments

WRONG = [
    ("--nope up", "unrecognized option '--nope'"),
    ("", "an action is required"),
    ("up down", "only one action"),
    ("sideways", "unknown action 'sideways'"),
    ("force-rebuild", "unknown action"),
    ("--session S --pif P --pif-uuid U up", "do not go with --pif-uuid"),
    ("--pif P --pif-uuid U up", "do not go with --pif-uuid"),
    ("--session S up", "go together"),
    ("--pif P up", "go together"),
    ("--force B --session S --pif P up", "--force does not go with"),
    ("--force B --pif-uuid U up", "--force does not go with"),
    ("--force B --mac M up", "--mac: only for"),
    ("--pif-uuid U --device D --ip I up", "--device, --ip: only for"),
    ("--gateway G rewrite", "--gateway: only for"),
    ("--pif-uuid U rewrite", "no --pif"),
    ("--session S --pif P rewrite", "no --pif"),
    ("up", "up needs a PIF"),
    ("down --management", "down needs a PIF"),
    ("--force B rewrite", "needs --mode, --mac, --device"),
    ("--force B --mode dhcp --device D rewrite", "needs --mac"),
    ("--force B --mode static --mac M --device D rewrite", "needs --ip, --netmask"),
    ("--force B --mode static --mac M --device D --ip I rewrite", "needs --netmask"),
    ("--force B --mode none --mac M --device D rewrite", "'dhcp' or 'static', not 'none'"),
]
RIGHT = [
    ("--session S --pif P up", Arguments("up", session="S", pif="P")),
    ("up --pif=P --session=S --management", Arguments("up", session="S", pif="P", management=True)),
    ("--pif-uuid U down", Arguments("down", pif_uuid="U")),
    ("--force B up", Arguments("up", force="B")),
    ("--force-interface B --management up", Arguments("up", force="B", management=True)),
    ("rewrite", Arguments("rewrite")),
    ("rewrite-configuration", Arguments("rewrite")),
    ("--no-syslog --root-prefix /r rewrite", Arguments("rewrite", root="/r", to_syslog=False)),
    ("--dry-run --force B down", Arguments("down", force="B", is_dry_run=True)),
    (
        "--force B --mode dhcp --mac M --device D rewrite",
        Arguments("rewrite", force="B", address={"mode": "dhcp", "mac": "M", "device": "D"}),
    ),
    ("-h", Arguments(wants_help=True)),
    ("--help sideways", Arguments(wants_help=True)),
]


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_wrong(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_arguments(line.split())
    assert caught.value.status == 2
    assert "--help" in str(caught.value)


@pytest.mark.parametrize(("line", "expected"), RIGHT)
def test_right(line: str, expected: Arguments) -> None:
    arguments = parse_arguments(line.split())
    assert (arguments.action, arguments) == (expected.action, expected)
