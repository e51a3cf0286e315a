"""The Python API: one function per command, with the names and defaults of its options."""
