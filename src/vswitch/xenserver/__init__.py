"""The host's side of a XenServer or XCP-ng: interface-reconfigure, XAPI plugin and daemon, hot-plug scripts."""
