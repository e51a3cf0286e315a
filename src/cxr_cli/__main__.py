"""`python -m cxr_cli`, the same as `cxr`."""

from cxr_cli.cli.app import main

main()
