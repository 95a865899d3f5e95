"""Write ``constraints.txt``: one version of everything that ``requirements.txt`` brings in, for all supported Pythons.

python tools/lock.py             after a change of requirements.txt: what need not change stays
python tools/lock.py --upgrade   the newest of everything that requirements.txt leaves open
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(*options: str) -> int:
    """Let uv resolve the requirements, without the constraints that they name."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = "\n".join(line for line in lines if line != "-c constraints.txt")
    # One version for all Pythons and systems ("fewest"), from Python 3.11.0 on; pip takes no folder as a constraint.
    command = "-m uv pip compile - --quiet --universal --python-version 3.11 --fork-strategy fewest --no-annotate"
    names = [f"--no-emit-package={name}" for name in ("optexec", "optexec-report")]
    names += ["--custom-compile-command", "python tools/lock.py"]
    return subprocess.run(
        [sys.executable, *command.split(), *names, "--output-file", "constraints.txt", *options],
        input=wanted,
        check=False,
        text=True,
        cwd=ROOT,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
