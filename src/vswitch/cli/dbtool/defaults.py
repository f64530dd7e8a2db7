"""What ovsdb-tool works on where nobody says it.

Sources: ovsdb-tool(1).
"""

from __future__ import annotations

from vswitch.linux.dirs import dbdir, pkgdatadir
from vswitch.ovsdb.schemafiles import schema_path

PROGRAM = "ovsdb-tool"


def default_database() -> str:
    """Where the daemon looks for its database."""
    return f"{dbdir()}/conf.db"


def default_schema() -> str:
    """The schema file in $OVS_PKGDATADIR, or else the one that comes with us."""
    directory = pkgdatadir()
    return f"{directory}/vswitch.ovsschema" if directory else schema_path("vswitch")
