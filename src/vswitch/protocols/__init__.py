"""Sans-IO protocol machines, one module each.  Pure."""
