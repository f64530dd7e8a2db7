"""The parts of ovsdb-client that are more than a request and its reply."""
