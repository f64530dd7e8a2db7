"""The commands of ovsdb-tool."""
