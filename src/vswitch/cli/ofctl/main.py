"""ovs-ofctl's entry: the options, the commands, and the help text.

Sources: ovs-ofctl(8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vswitch.base.options import Given
from vswitch.base.remarks import remarks_to
from vswitch.cli.command import Program, say
from vswitch.cli.ofctl.settings import OPTIONS, check_options
from vswitch.cli.ofctl.table import command

HELP = """ovs-ofctl: talk OpenFlow to a switch
usage: ovs-ofctl [OPTIONS] COMMAND [ARG...]

Flows:
  dump-flows SWITCH [FLOW]        print the flows, or those that match FLOW
  dump-aggregate SWITCH [FLOW]    print what the flows have carried together
  add-flow SWITCH FLOW            add a flow
  add-flows SWITCH FILE           add the flows in FILE, or change those that it says to
  mod-flows SWITCH FLOW           change the actions of the flows that match
  del-flows SWITCH [FLOW]         delete the flows, or those that match FLOW
  replace-flows SWITCH FILE       make the flows those in FILE
  diff-flows SOURCE1 SOURCE2      print how the flows of two files or switches differ
Switch and ports:
  show SWITCH                     print the switch, its ports and configuration
  dump-desc SWITCH                print who made the switch
  dump-tables SWITCH              print the statistics of the tables
  dump-ports SWITCH [PORT]        print the statistics of the ports
  dump-ports-desc SWITCH [PORT]   print the ports
  mod-port SWITCH IFACE ACT       change a port: up, down, and [no-] flood, forward, packet-in,
                                  receive, receive-stp, stp
  get-frags SWITCH                print how IP fragments are treated
  set-frags SWITCH FRAG_MODE      change it: normal, drop, reassemble, nx-match
Tables:
  dump-table-features SWITCH      print what the tables can do
  dump-table-desc SWITCH          print how the tables are configured
  mod-table SWITCH TABLE SETTING  change it: controller, continue, drop; [no]evict, vacancy:LOW,HIGH
Packets:
  packet-out SWITCH "in_port=PORT packet=HEX actions=ACTIONS"
                                  send a packet
  packet-out SWITCH IN_PORT ACTIONS PACKET...
                                  send packets
  monitor SWITCH [MISSLEN] [invalid_ttl] [watch:[...]]
                                  print what the switch sends to controllers, and changes of flows
  snoop SWITCH                    print what the switch and its controllers say
Changes together:
  bundle SWITCH FILE              do the flow-mods, group-mods and packet-outs in FILE, all or none
Groups:
  dump-groups SWITCH [GROUP]      print the groups, or one
  dump-group-stats SWITCH [GROUP]
                                  print what the groups have carried
  dump-group-features SWITCH      print which kinds of groups there are
  add-group SWITCH GROUP          add a group
  add-groups SWITCH FILE          add the groups in FILE, or change those that it says to
  mod-group SWITCH GROUP          change a group
  del-groups SWITCH [GROUP]       delete the groups, or one
  insert-buckets SWITCH GROUP     add buckets to a group
  remove-buckets SWITCH GROUP     take buckets out of a group
Meters and queues:
  dump-meters SWITCH [METER]      print the meters, or one; also dump-meter
  meter-stats SWITCH [METER]      print what the meters have seen
  meter-features SWITCH           print which kinds of meters there are
  add-meter SWITCH METER          add a meter
  mod-meter SWITCH METER          change a meter
  del-meters SWITCH [METER]       delete the meters, or one; also del-meter
  queue-stats SWITCH [PORT [QUEUE]]
                                  print what the queues have sent
  queue-get-config SWITCH [PORT [QUEUE]]
                                  print the queues of a port
Tunnel options, connections, IPFIX:
  add-tlv-map SWITCH MAPS         map options of tunnels to fields
  del-tlv-map SWITCH [MAPS]       undo that
  dump-tlv-map SWITCH             print the mappings
  ct-flush SWITCH [ZONE] [CT_TUPLE [CT_TUPLE]]
                                  forget connections
  ct-flush-zone SWITCH ZONE       forget the connections of a zone
  dump-ipfix-bridge SWITCH        print the statistics of IPFIX of a bridge
  dump-ipfix-flow SWITCH          print the statistics of IPFIX of flows
Any end:
  probe TARGET                    ask whether it answers
  ping TARGET [N]                 measure ten echos of N bytes
  benchmark TARGET N COUNT        measure COUNT echos of N bytes

Without a switch:
  parse-flow FLOW                 print what add-flow would send
  parse-flows FILE                print what add-flows would send
  parse-group GROUP               print what add-group would send
  ofp-print HEX [VERBOSITY]       print a message
  ofp-parse FILE                  print the messages in a file
  ofp-parse-pcap PCAP [PORT]...   print the messages in a capture
  parse-pcap PCAP...              print the headers of the packets in captures
  compose-packet FLOW [L7]        print a packet that has this flow
  For tests, most of them with input on standard input: parse-packet, parse-nx-match, parse-nxm,
  parse-oxm VERSION, parse-ofp10-match, parse-ofp11-match, parse-actions VERSION,
  parse-instructions VERSION, check-vlan TCI MASK, print-error ERROR, encode-error-reply ERROR REQUEST,
  encode-hello BITMAP, parse-key-value STRING...

SWITCH is a bridge of this machine, unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT] (default port: 6653).

Options:
  -O, --protocols=VERSION[,...]   versions to speak: OpenFlow10 (default) to OpenFlow15
  -F, --flow-format=FORMAT        flow formats to use: any, OpenFlow10, NXM, OXM ...
  -P, --packet-in-format=FORMAT   standard, nxt_packet_in or nxt_packet_in2
  --bundle                        change all together, or nothing
  --may-create                    mod-group: add the group if there is none
  --strict                        match the priority and every field exactly
  --sort[=FIELD], --rsort[=FIELD] sort flows by priority, or by a field
  --names, --no-names             show ports by name, or accept only numbers
  --stats, --no-stats             print statistics (default), or leave them out
  --color[=WHEN]                  dump-flows: colours, always, never or auto (on a terminal)
  -m, --more                      print more of each message
  --timestamp                     print when a message came (monitor, snoop)
  --pcap                          compose-packet: write a capture
  --raw                           taken for the sake of scripts; no effect
  --read-only                     refuse commands that change the switch
  -t, --timeout=SECS              give up after SECS seconds
  -p, --private-key=FILE  -c, --certificate=FILE  -C, --ca-cert=FILE
                                  keys for ssl:; -C none: trust every switch
  --bootstrap-ca-cert=FILE        as -C, taken from the switch if FILE is missing
  --peer-ca-cert=FILE             taken for the sake of scripts; no effect
  --ssl-protocols=PROTOS  --ssl-ciphers=CIPHERS
                                  TLS versions and ciphers to allow
  -v, --verbose[=SPEC]  --log-file[=FILE]  --syslog-method=METHOD  --syslog-target=HOST:PORT
                                  logging
  --detach  --monitor  --pidfile[=FILE]  --overwrite-pidfile  --no-chdir  --user=USER[:GROUP]
                                  be a daemon (monitor, snoop)
  --no-self-confinement           taken for the sake of scripts; no effect
  --unixctl=SOCKET                where ovs-appctl reaches it
  --readd                         replace-flows: add also what is there already
  -o, --option                    print the options, for scripts
  -h, --help  -V, --version"""


@command("help")
def help_(given: Given) -> Iterator[str]:
    """What --help prints."""
    yield HELP


@command("list-commands")
def list_commands(given: Given) -> Iterator[str]:
    """Every command and its words."""
    return command.listing()


# What logs, besides modules that are imported: the channel, the program, and those in whose names messages are complained of.
MODULES = (
    *("vconn", "ofctl", "meta_flow", "nx_match", "ofp_actions", "ofp_flow", "ofp_group", "ofp_match"),
    *("ofp_meter", "ofp_monitor", "ofp_msgs", "ofp_port", "ofp_table"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program."""
    version = "OpenFlow versions 0x1:0x6"
    program = Program(
        "ovs-ofctl", command, OPTIONS, help=HELP, version=version, prepare=_prepare, modules=MODULES
    )
    return program.main(argv)


def _prepare(given: Given) -> None:
    check_options(given)
    command.read_only = "read-only" in given
    remarks_to(say)
