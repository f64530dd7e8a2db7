"""Network devices, one module per type."""
