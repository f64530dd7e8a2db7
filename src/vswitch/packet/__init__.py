"""Packets as bytes: header layouts, parsing, building, checksums, captures.  Pure."""
