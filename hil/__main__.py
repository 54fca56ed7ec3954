"""`python -m hil` is the `semnoma-hil` command."""

from hil.cli.main import main

main()
