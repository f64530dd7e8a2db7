"""The commands of vtep-ctl that know what a VXLAN tunnel end point is."""
