"""The OpenFlow switch: decides, and leaves the doing to vswitchd.  Pure."""
