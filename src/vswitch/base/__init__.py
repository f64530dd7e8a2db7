"""What everything stands on: bits, text grammar, JSON, options, errors, log, counters.  Pure."""
