"""`python -m venule`, equivalent to the command `venule`."""

from venule.cli.main import main

main()
