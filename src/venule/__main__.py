"""`python -m venule`, the same as the command `venule`."""

from venule.cli.main import main

main()
