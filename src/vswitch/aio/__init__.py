"""Doors to asyncio: streams by name, the session driver, control sockets, daemon start-up."""
