"""What everything stands on: bits, cursor, text grammar, errors, log, counters.  Pure."""
