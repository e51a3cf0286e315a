"""Self-contained HTML pages: numbers and pictures in, one file out that opens anywhere and prints well."""
