"""The command-line programs: words in, lines out."""
