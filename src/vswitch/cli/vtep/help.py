"""What `vtep-ctl --help` prints."""

from __future__ import annotations

from vswitch.cli.ctl.help import database_commands, shared_options
from vswitch.cli.ctl.names import RowIds
from vswitch.linux.dirs import default_database

_TEXT = """\
vtep-ctl: configures a hardware VXLAN tunnel end point through its database
usage: vtep-ctl [OPTIONS] COMMAND [ARG...] [-- [OPTIONS] COMMAND [ARG...]]...
All commands of one line are one transaction.

The whole database:
  show                        print an overview

Managers:
  get-manager                 print the database's managers
  del-manager                 leave the database without managers
  [--inactivity-probe=MSECS]
  set-manager TARGET...       set the database's managers

Physical switches (PS):
  add-ps PS                   add a switch
  del-ps PS                   delete a switch and its ports
  list-ps                     print the names of all switches
  ps-exists PS                exit with status 2 if there is no such switch

Ports:
  list-ports PS               print the names of a switch's ports
  add-port PS PORT            add a port to a switch
  del-port PS PORT            take a port away from its switch

Logical switches (LS):
  add-ls LS                   add a switch
  del-ls LS                   delete a switch
  list-ls                     print the names of all switches
  ls-exists LS                exit with status 2 if there is no such switch
  bind-ls PS PORT VLAN LS     let a VLAN on a port be of a switch
  unbind-ls PS PORT VLAN      undo that
  list-bindings PS PORT       print a port's VLANs and their switches
  set-replication-mode LS MODE  let the "service_node" or the "source_node" copy broadcasts
  get-replication-mode LS     print which of them does

Logical routers (LR):
  add-lr LR                   add a router
  del-lr LR                   delete a router
  list-lr                     print the names of all routers
  lr-exists LR                exit with status 2 if there is no such router

Addresses that the switches have learned (local) or that a controller has written (remote):
  add-ucast-local LS MAC [ENCAP] IP   say behind which end point an address is
  del-ucast-local LS MAC              forget it
  add-mcast-local LS MAC [ENCAP] IP   add an end point to those of an address
  del-mcast-local LS MAC [ENCAP] IP   take one away
  clear-local-macs LS                 forget all addresses
  list-local-macs LS                  print them
  add-ucast-remote LS MAC [ENCAP] IP  and the same for the others
  del-ucast-remote LS MAC
  add-mcast-remote LS MAC [ENCAP] IP
  del-mcast-remote LS MAC [ENCAP] IP
  clear-remote-macs LS
  list-remote-macs LS

"""
_OPTIONS = """\

Options:
  --db=SERVER                 database server
                              (default: {database})
  -t, --timeout=SECS          die after SECS seconds
  --dry-run                   change nothing
  --oneline                   print one line for each command
  --no-syslog                 do not log the command line

"""


def help_text(row_ids: RowIds) -> str:
    """The whole text."""
    options = _OPTIONS.format(database=default_database())
    return _TEXT + database_commands(row_ids) + options + shared_options("vtep-ctl")
