"""Colours in what ovs-ofctl prints, if --color asks for them.

Sources: ovs-ofctl(8), --color and OVS_COLORS.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from vswitch.cli.ofctl.settings import Settings


def colored(text: str, settings: Settings) -> str:
    """The text of a message, or lines of differences."""
    if not settings.colors:
        return text
    from vswitch.openflow.colors import color_line

    return _by_line(text, color_line)


def colored_flows(text: str, settings: Settings) -> str:
    """Flow statistics, with the message around them or without."""
    if not settings.colors:
        return text
    from vswitch.openflow.colors import color_flow

    return _by_line(text, lambda line, colors: color_flow(line, colors) if line.startswith(" ") else line)


def _by_line(text: str, paint: Callable[[str, dict[str, str]], str]) -> str:
    from vswitch.openflow.colors import parse_colors

    colors = parse_colors(os.environ.get("OVS_COLORS", ""))
    return "\n".join(paint(line, colors) for line in text.split("\n"))
