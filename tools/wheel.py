"""Check a wheel of the library: small, the library and nothing else, and of the version that a tag names.

python tools/wheel.py dist/optexec-0.1.0-py3-none-any.whl [v0.1.0]
"""

from __future__ import annotations

import sys
import zipfile
from email.parser import Parser
from pathlib import Path

LARGEST = 500_000
"""Bytes. What the report needs, 10 MB of published agents above all, is not the library's."""


def faults(wheel: Path, tag: str = "") -> list[str]:
    """What is wrong with a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        told = Parser().parsestr(archive.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode())
    version = str(told["Version"])
    strangers = [n for n in names if not n.startswith(("optexec/", f"optexec-{version}.dist-info/"))]
    found = [f"{name} is not the library's" for name in strangers]
    if wheel.stat().st_size > LARGEST:
        found.append(f"{wheel.name} has {wheel.stat().st_size:,} bytes, and at most {LARGEST:,} are the library's")
    if tag and tag != f"v{version}":
        found.append(f"the tag must be v{version}, the version of pyproject.toml, got {tag}")
    return found


if __name__ == "__main__":
    said = faults(Path(sys.argv[1]), *sys.argv[2:])
    sys.exit("\n".join(said) or None)
