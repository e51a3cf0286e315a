"""Keep a workspace in order: which runs there are, what belongs to them, and whether everything is whole."""
