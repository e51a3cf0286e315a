"""`python -m cxr_cli`, the same as `cxr`."""

from cxr_cli.cli import main

main()
