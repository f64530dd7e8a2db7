"""ovs-ctl: the daemons as a service of the host, from boot to shutdown."""
