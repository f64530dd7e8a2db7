"""What `ovs-vsctl --help` prints."""

from __future__ import annotations

from vswitch.cli.ctl.help import database_commands, shared_options
from vswitch.cli.ctl.names import RowIds
from vswitch.linux.dirs import default_database

_TEXT = """\
ovs-vsctl: configures ovs-vswitchd through its database
usage: ovs-vsctl [OPTIONS] COMMAND [ARG...] [-- [OPTIONS] COMMAND [ARG...]]...
All commands of one line are one transaction.

The whole configuration:
  init                        make the root record, if there is none
  show                        print an overview
  emer-reset                  take away what managers and controllers set up

Bridges:
  add-br BRIDGE               add a bridge
  add-br BRIDGE PARENT VLAN   add a bridge for one VLAN of PARENT
  del-br BRIDGE               delete a bridge and what is on it
  list-br                     print the names of all bridges
  br-exists BRIDGE            exit with status 2 if there is no such bridge
  br-to-vlan BRIDGE           print the VLAN of a bridge
  br-to-parent BRIDGE         print the parent of a bridge
  br-set-external-id BRIDGE KEY [VALUE]  set, or without VALUE remove, an id
  br-get-external-id BRIDGE [KEY]        print one id, or all

Ports:
  list-ports BRIDGE           print the names of a bridge's ports
  add-port BRIDGE PORT [COLUMN[:KEY]=VALUE]...  add a device as a port
  add-bond BRIDGE PORT IFACE... [COLUMN[:KEY]=VALUE]...  add a bond of devices
  add-bond-iface BOND IFACE   add a device to a bond
  del-bond-iface [BOND] IFACE  take a device out of a bond
  del-port [BRIDGE] PORT      delete a port
  port-to-br PORT             print the bridge that a port is on

Interfaces:
  list-ifaces BRIDGE          print the names of a bridge's interfaces
  iface-to-br IFACE           print the bridge that an interface is on

Controllers:
  get-controller BRIDGE       print a bridge's controllers
  del-controller BRIDGE       leave a bridge without controllers
  [--inactivity-probe=MSECS]
  set-controller BRIDGE TARGET...  set a bridge's controllers
  get-fail-mode BRIDGE        print what a bridge does without controller
  del-fail-mode BRIDGE        let it do the default
  set-fail-mode BRIDGE MODE   let it be "standalone" or "secure"

Managers:
  get-manager                 print the database's managers
  del-manager                 leave the database without managers
  [--inactivity-probe=MSECS]
  set-manager TARGET...       set the database's managers

TLS:
  get-ssl                     print where keys and certificates are
  del-ssl                     forget that
  set-ssl PRIV-KEY CERT CA-CERT  set it

Auto Attach:
  add-aa-mapping BRIDGE I-SID VLAN  map a service to a VLAN
  del-aa-mapping BRIDGE I-SID VLAN  undo that
  get-aa-mapping BRIDGE       print the mappings

Datapaths:
  list-dp-cap DATAPATH        print what a datapath can do
  add-zone-tp DATAPATH zone=ZONE POLICY=SECONDS...  set a zone's time-outs
  del-zone-tp DATAPATH zone=ZONE  undo that
  list-zone-tp DATAPATH       print the zones' time-outs
  set-zone-limit DATAPATH ZONE|default LIMIT  limit the connections of a zone, or of the others
  del-zone-limit DATAPATH ZONE|default        undo that
  list-zone-limits DATAPATH   print the limits

"""
_OPTIONS = """\

Options:
  --db=SERVER                 database server
                              (default: {database})
  --no-wait                   do not wait for ovs-vswitchd to follow
  --retry                     keep trying to connect to the server
  --leader-only, --no-leader-only  talk to a cluster's leader only (default), or to any member
  --shuffle-remotes, --no-shuffle-remotes  try servers in random order (default), or as given
  -t, --timeout=SECS          die after SECS seconds
  --dry-run                   change nothing
  --oneline                   print one line for each command
  --no-syslog                 do not log the command line
  --commands, --options       print all commands, or all options, for scripts

"""


def help_text(row_ids: RowIds) -> str:
    """The whole text."""
    options = _OPTIONS.format(database=default_database())
    return _TEXT + database_commands(row_ids) + options + shared_options("ovs-vsctl")
