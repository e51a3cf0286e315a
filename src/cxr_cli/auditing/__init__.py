"""Shortcuts that separate the classes of a prepared dataset without the disease, and leaks between its parts."""
