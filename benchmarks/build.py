"""How long the report takes to build: from nothing, again, and after an edit of the prose; and its slowest chapters.

    python benchmarks/build.py

Works on a copy of the committed and changed files in a temporary folder, with the Python that runs it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copy(target: Path) -> None:
    """Copy every file that git tracks or does not ignore."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name, follow_symlinks=False)


def build(root: Path) -> tuple[float, str]:
    """Build the book with warnings as errors; return the seconds it took, and what it said."""
    program = str(Path(sys.executable).with_name("jupyter-book"))
    start = time.perf_counter()
    done = subprocess.run(
        [program, "build", "book", "-W", "--keep-going"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    return time.perf_counter() - start, done.stdout + done.stderr


def main() -> None:
    """Print three times, and how long the slowest chapters of the first took to run."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        copy(root)
        first, said = build(root)
        again, _ = build(root)
        chapter = root / "book" / "01-problem.md"
        chapter.write_text(chapter.read_text(encoding="utf-8") + "\nOne more sentence.\n", encoding="utf-8")
        edited, _ = build(root)
    chapters = re.findall(r"book/(\S+): Executed notebook in ([\d.]+) seconds", said)
    for name, seconds in sorted(chapters, key=lambda chapter: -float(chapter[1]))[:5]:
        print(f"  {name:<22}{float(seconds):6.1f} s")
    print(f"  all {len(chapters)} chapters       {sum(float(seconds) for _, seconds in chapters):6.1f} s")
    print(f"from nothing            {first:6.1f} s")
    print(f"again                   {again:6.1f} s   {again / first:5.2f} of it")
    print(f"after an edit of prose  {edited:6.1f} s   {edited / first:5.2f} of it")


if __name__ == "__main__":
    main()
