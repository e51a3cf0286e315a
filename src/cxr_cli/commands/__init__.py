"""One file a sub-command: options, help, one call into the packages below, rendering."""
