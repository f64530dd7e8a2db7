"""What ovs-vsctl and its like are made of: command lines that become one transaction on any database."""
