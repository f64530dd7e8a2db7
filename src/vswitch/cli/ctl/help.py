"""The parts of --help that ovs-vsctl and its like have in common."""

from __future__ import annotations

from vswitch.cli.ctl.names import RowIds
from vswitch.linux.dirs import logdir
from vswitch.linux.usage import CLIENT_KEYS_HELP

_COMMANDS = """\
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

Records are named by UUID, by four or more digits that it begins with, or so:
"""
_OPTIONS = """\
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
  --log-file[=FILE]           log to FILE (default: {logdir}/{program}.log)
  --syslog-method=METHOD      how to reach syslog
  --syslog-target=HOST:PORT   log to this UDP port, too

Servers:
  unix:FILE, tcp:HOST[:PORT], ssl:HOST[:PORT]  connect there
  punix:FILE, ptcp:[PORT][:HOST], pssl:[PORT][:HOST]  wait for it to connect

{keys}
  -h, --help                  print this
  -V, --version               print versions"""


def database_commands(row_ids: RowIds) -> str:
    """The commands that work on any table, and how its records are named."""
    lines = []
    for table, row_id in row_ids.items():
        if not row_id.name:
            how = '"."'
        elif row_id.reference:
            how = f'"{row_id.name}" of the {row_id.table} whose "{row_id.reference}" it is'
        else:
            how = f'"{row_id.name}"'
        lines.append(f"  {table + ':':<26}  {how}\n")
    return _COMMANDS + "".join(lines)


def shared_options(program: str) -> str:
    """The options that all of them take, the last ones of the text."""
    return _OPTIONS.format(logdir=logdir(), program=program, keys=CLIENT_KEYS_HELP)
