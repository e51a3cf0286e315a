"""The workspace: every path in it, its records, and safe writes."""
