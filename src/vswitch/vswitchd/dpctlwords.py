"""The commands of ovs-dpctl by name: for their help, which is there before what they need is imported.

Sources: ovs-dpctl(8); `ovs-appctl list-commands`.
"""

from __future__ import annotations

from vswitch.base.errors import VswitchError

# Each command's words, how few there may be, and how many.
USAGES = {
    "add-dp": ("dp [iface...]", 1, 1 << 30),
    "del-dp": ("dp", 1, 1),
    "add-if": ("dp iface...", 2, 1 << 30),
    "del-if": ("dp iface...", 2, 1 << 30),
    "set-if": ("dp iface...", 2, 1 << 30),
    "dump-dps": ("", 0, 0),
    "show": ("[-s] [dp...]", 0, 1 << 30),
    "dump-flows": ("[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]", 0, 6),
    "add-flow": ("[dp] flow actions", 2, 3),
    "mod-flow": ("[dp] flow actions", 2, 3),
    "get-flow": ("[dp] ufid", 1, 2),
    "del-flow": ("[dp] flow", 1, 2),
    "add-flows": ("[dp] file", 1, 2),
    "mod-flows": ("[dp] file", 1, 2),
    "del-flows": ("[dp] [file]", 0, 2),
    "list-commands": ("", 0, 0),
    "parse-actions": ("actions", 1, 1 << 30),
}


class DpctlError(VswitchError):
    """A command failed; the message is whole."""
