"""Packet forwarders: three interpreters of the same datapath actions."""
