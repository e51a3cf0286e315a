"""The command line: the app, the console, shared options, and one file per command."""
