"""Print the lowest versions that ``pyproject.toml`` declares, as constraints for pip; the rest as in constraints.txt.

.ci/run tests the package in an environment of these.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def main() -> str | None:
    """Let uv resolve what the package declares, with all its extras; fail where a lowest version cannot be had."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {each.name: each.specifier for part in parts for each in map(Requirement, part)}
    held = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    command = "-m uv pip compile pyproject.toml --all-extras --constraint - --resolution lowest-direct"
    found = subprocess.run(
        [sys.executable, *command.split(), "--quiet", "--no-annotate", "--no-header"],
        input="\n".join(line for line in held if line.split("==")[0] not in declared),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    sys.stdout.write(found)
    versions = dict(line.split("==") for line in found.splitlines())
    # uv goes up where the lowest does not go with the rest
    false = [
        f"{name}{lowest} is declared, and {versions[name]} is the lowest that can be installed"
        for name, lowest in declared.items()
        if not Requirement(f"{name}{lowest}".replace(">=", "==")).specifier.contains(versions[name])
    ]
    return "\n".join(false) or None


if __name__ == "__main__":
    sys.exit(main())
