"""The commands of ovs-ofctl, and the modules that define them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module

from vswitch.base.options import CommandError
from vswitch.cli.command import Command, CommandTable

MODULES = {
    "switch": "show dump-desc dump-tables get-frags set-frags probe ping benchmark",
    "ports": "dump-ports dump-ports-desc mod-port",
    "flows": "dump-flows dump-aggregate add-flow add-flows mod-flows del-flows",
    "comparison": "replace-flows diff-flows",
    "groupdumps": "dump-groups dump-group-features",
    "groups": "dump-group-stats add-group add-groups mod-group del-groups insert-buckets remove-buckets parse-group",
    "meters": "add-meter mod-meter del-meter del-meters dump-meter dump-meters meter-stats meter-features",
    "queues": "queue-stats queue-get-config",
    "nicira": "add-tlv-map del-tlv-map dump-tlv-map ct-flush ct-flush-zone dump-ipfix-bridge dump-ipfix-flow",
    "bundle": "bundle",
    "tables": "dump-table-desc dump-table-features mod-table",
    "packets": "packet-out",
    "monitoring": "monitor snoop",
    "conversions": "parse-nx-match parse-nxm parse-oxm parse-actions parse-instructions parse-ofp10-match "
    "parse-ofp11-match check-vlan",
    "captures": "compose-packet parse-packet parse-pcap ofp-parse-pcap",
    "numbers": "print-error encode-error-reply encode-hello parse-key-value",
    "offline": "parse-flow parse-flows",
    "messages": "ofp-print ofp-parse",
}


# What --read-only refuses: commands that change the switch, or make it send something.
# fmt: off
WRITING = frozenset((
    "mod-port", "mod-table", "set-frags", "packet-out", "add-flow", "add-flows", "mod-flows",
    "del-flows", "replace-flows", "bundle", "add-group", "add-groups", "mod-group", "del-groups",
    "insert-buckets", "remove-buckets", "add-meter", "mod-meter", "del-meter", "del-meters",
    "add-tlv-map", "del-tlv-map", "ct-flush", "ct-flush-zone",
))
# fmt: on


class LazyCommands(CommandTable):
    """Imports only the module of the command that is asked for: the others would double the time to start."""

    read_only = False

    def find(self, words: Sequence[str]) -> Command:
        """The command that `words` name."""
        for module, names in MODULES.items():
            if words and words[0] in names.split():
                import_module(f"vswitch.cli.ofctl.{module}")
        command = super().find(words)
        if self.read_only and command.name in WRITING:
            raise CommandError(f"'{command.name}' command does not work in read only mode")
        return command

    def listing(self) -> Iterator[str]:
        """What `list-commands` prints."""
        for module in MODULES:
            import_module(f"vswitch.cli.ofctl.{module}")
        return super().listing()


command = LazyCommands()
