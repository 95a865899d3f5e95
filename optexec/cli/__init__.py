"""The command line: ``solve``, ``calibrate``, ``train``, ``benchmark``, ``stress``, ``plots``, ``sweep``, ``config``.

Bad input is one line on standard error and exit code 2. Whatever ends a command early leaves no file half-written:
Ctrl-C is exit code 130, SIGTERM 143, a closed pipe 141 (after the files are written), as shells count them.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from optexec.cli.commands import app
from optexec.cli.output import lost, say, write_json

__all__ = ["app", "main", "write_json"]


def main() -> None:
    """Entry point; an option that cannot be understood is one line too."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="optexec", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError as error:
        lost.append(error)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not the option parser's
            raise
        said = " ".join(error.format_message().split())
        say(f"optexec: {said} (optexec --help lists what there is)", error=True)
        code = 2
    if lost:
        code = 141
        if not isinstance(lost[0], BrokenPipeError):
            say(f"optexec: what was printed is lost: {lost[0]}", error=True)
            code = 1
    sys.exit(code)


def _end(number: int, frame: Any) -> None:
    """End in order, so that workers end too and nothing half-written stays."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)
