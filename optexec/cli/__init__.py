"""The command line: ``optexec solve``, ``train``, ``benchmark``, ``stress``, ``plots``, ``sweep`` and ``config``.

Bad input is one line on standard error and exit code 2, Ctrl-C is exit code 130. A file is written beside its place
and renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import sys

from optexec.cli.commands import app
from optexec.cli.output import write_json

__all__ = ["app", "main", "write_json"]


def main() -> None:
    """Entry point; an option that cannot be understood is one line too."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="optexec", standalone_mode=False))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not the option parser's
            raise
        print("optexec:", *error.format_message().split(), "(optexec --help lists what there is)", file=sys.stderr)
        sys.exit(2)
