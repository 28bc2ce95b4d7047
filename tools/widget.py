"""The widget's own tools, which need node: `./dev widget` makes `heedback.min.js` anew, `./dev check` looks after it.

Nobody else needs node: the file is committed, and a test compares its digest with the sources.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent.parent / "widgets"


def build() -> int:
    """Installs what `widgets/package-lock.json` names, if it is not there, and builds."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("./dev widget needs node and npm on the PATH.")
    if not installed():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True)
    return subprocess.run([npm, "run", "--silent", "build"], cwd=FOLDER).returncode


def check() -> int:
    """Types and the built file, where node is and `./dev widget` has installed what it takes; else there is nothing."""
    npm = shutil.which("npm")
    if npm is None or not installed():
        print("not looked at: ./dev widget installs what it takes")
        return 0
    return subprocess.run([npm, "run", "--silent", "check"], cwd=FOLDER).returncode


def installed() -> bool:
    """Whether the packages are there, of the versions that are locked."""
    locked, there = (packages(FOLDER / name) for name in ("package-lock.json", "node_modules/.package-lock.json"))
    return bool(there) and there.items() <= locked.items()


def packages(lock: Path) -> dict[str, str]:
    """What a lock of npm's names: each package's place and version."""
    if not lock.exists():
        return {}
    named = json.loads(lock.read_text("utf-8"))["packages"]
    return {place: facts["version"] for place, facts in named.items() if place}


if __name__ == "__main__":
    sys.exit(check())
