"""The database daemon: storage, listeners, main."""
