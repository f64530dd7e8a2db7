"""The commands of ovs-vsctl that know what a bridge is."""
