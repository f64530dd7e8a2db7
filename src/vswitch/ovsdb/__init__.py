"""The database engine and its protocol: RFC 7047 with Open vSwitch's extensions.  Pure."""
