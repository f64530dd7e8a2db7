"""Flows and matches: fields (THE table), extraction, text, NXM/OXM, classifier.  Pure."""
