"""Which program this is, and which Open vSwitch it stands in for."""

VERSION = "0.1.0"
OVS_VERSION = (
    "3.7.0"  # the release whose commands, schema and output these programs have; scripts look for it
)
BUILD: str = ""  # behind the version where a package has numbered its build: "+build123"
