"""What `ovs-vsctl --help` prints."""

from __future__ import annotations

from vswitch.cli.ctl.names import RowIds
from vswitch.linux.dirs import default_database, logdir

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

Any table:
  list TABLE [RECORD]...      print records, or all
  find TABLE CONDITION...     print the records that meet all conditions
  get TABLE RECORD COLUMN[:KEY]...  print values
  set TABLE RECORD COLUMN[:KEY]=VALUE...  set values
  add TABLE RECORD COLUMN [KEY=]VALUE...  put values into a set or map
  remove TABLE RECORD COLUMN [KEY=]VALUE...  take values out
  clear TABLE RECORD COLUMN...  empty columns
  create TABLE COLUMN[:KEY]=VALUE...  insert a record
  destroy TABLE RECORD...     delete records
  wait-until TABLE RECORD [COLUMN[:KEY]=VALUE]...  wait for a record to be so
  comment [ARG]...            write ARGs into the database's log

"""
_OPTIONS = """\

Options:
  --db=SERVER                 database server
                              (default: {database})
  --no-wait                   do not wait for ovs-vswitchd to follow
  --retry                     keep trying to connect to the server
  -t, --timeout=SECS          die after SECS seconds
  --dry-run                   change nothing
  --oneline                   print one line for each command
  --no-syslog                 do not log the command line

Output of list and find:
  -f, --format=FORMAT         "list" (default), "table", "html", "csv", "json"
  -d, --data=FORMAT           "string" (default), "bare", "json"
  --no-headings               without headings
  --pretty                    JSON on many lines
  --bare                      as --format=list --data=bare --no-headings
  --max-column-width=N        of "table": cut wider cells

Logging:
  -vSPEC, --verbose=SPEC      set logging levels
  -v, --verbose               log everything
  --log-file[=FILE]           log to FILE (default: {logdir}/ovs-vsctl.log)
  --syslog-method=METHOD      how to reach syslog
  --syslog-target=HOST:PORT   log to this UDP port, too

Servers:
  unix:FILE, tcp:HOST[:PORT], ssl:HOST[:PORT]  connect there
  punix:FILE, ptcp:[PORT][:HOST], pssl:[PORT][:HOST]  wait for it to connect

TLS:
  -p, --private-key=FILE      our private key
  -c, --certificate=FILE      our certificate
  -C, --ca-cert=FILE          the server's authority, or "none"
  --bootstrap-ca-cert=FILE    the same, taken from the server if FILE is missing

  -h, --help                  print this
  -V, --version               print versions"""


def help_text(row_ids: RowIds) -> str:
    """The whole text."""
    return _TEXT + _records(row_ids) + _OPTIONS.format(database=default_database(), logdir=logdir())


def _records(row_ids: RowIds) -> str:
    lines = ["Records are named by UUID, by four or more digits that it begins with, or so:\n"]
    for table, row_id in row_ids.items():
        if not row_id.name:
            how = '"."'
        elif row_id.reference:
            how = f'"{row_id.name}" of the {row_id.table} whose "{row_id.reference}" it is'
        else:
            how = f'"{row_id.name}"'
        lines.append(f"  {table + ':':<26}  {how}\n")
    return "".join(lines)
