"""The switching daemon: database rows in, configured bridges out."""
