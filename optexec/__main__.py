"""``python -m optexec`` is ``optexec``."""

from optexec.cli import main

main()
