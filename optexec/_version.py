"""The version, as the package's metadata have it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["VERSION"]

try:
    VERSION = version("optexec")
except PackageNotFoundError:  # its folder is on the path, and it is not installed
    VERSION = "0+unknown"
