"""vswitch: Open vSwitch, founded anew in Python.  docs/architecture.md is the map."""
