"""Print the lowest versions that ``pyproject.toml`` allows, as constraints for pip; the rest is as in constraints.txt.

.ci/run tests the package in an environment of these.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Let uv resolve what the package declares, with all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = [project["dependencies"], *project["optional-dependencies"].values()]
    direct = {re.split("[<>=]", each)[0] for part in parts for each in part}
    held = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    others = "\n".join(line for line in held if line.split("==")[0] not in direct)
    command = "-m uv pip compile pyproject.toml --all-extras --constraint - --resolution lowest-direct"
    return subprocess.run(
        [sys.executable, *command.split(), "--quiet", "--no-annotate", "--no-header"],
        input=others,
        text=True,
        check=False,
        cwd=ROOT,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
