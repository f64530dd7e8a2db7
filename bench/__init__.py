"""Benchmarks: each runs the peer and ours in one run, in turn, and prints the ratio.  `python -m bench [NAME …]`."""
