"""OpenFlow messages, one module per family."""
