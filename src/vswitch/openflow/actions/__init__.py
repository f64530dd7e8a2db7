"""OpenFlow actions, one module per family."""
