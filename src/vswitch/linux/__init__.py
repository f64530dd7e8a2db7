"""Doors to the Linux kernel, thin and non-blocking, one module per kernel interface."""
