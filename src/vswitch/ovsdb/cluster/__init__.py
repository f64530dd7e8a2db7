"""Clustered databases: several servers that share a log, and the peer's own cluster files."""
