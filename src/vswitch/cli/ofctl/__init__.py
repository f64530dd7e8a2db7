"""ovs-ofctl: OpenFlow from the command line.  settings and channel, then the commands by what they are about."""
