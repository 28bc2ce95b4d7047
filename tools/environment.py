"""Keeps `.venv`: made once, installed into only when something it depends on has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCK: Final = "requirements.lock"
OLDEST: Final = (3, 11)
NO_VENV: Final = (
    "This Python cannot make virtual environments. "
    "On Debian and Ubuntu: apt install python3-venv (or put uv on the PATH)."
)


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment in `folder` with the checkout at `root` installed as editable."""

    root: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.script("python")

    def script(self, name: str) -> Path:
        """Where the environment keeps the program `name`."""
        return self.folder / "Scripts" / f"{name}.exe" if os.name == "nt" else self.folder / "bin" / name


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an environment was made from; equal stamps need no install."""

    digest: str
    python: str
    root: str
    extras: frozenset[str]

    def missing(self, earlier: Stamp | None) -> frozenset[str]:
        """The extras to install over `earlier`; none when it has all of them and nothing else changed.

        Extras asked for before are kept, or installing `run`'s would break `check`'s at the next change.
        """
        if earlier is None:
            return self.extras
        unchanged = (self.digest, self.python, self.root) == (earlier.digest, earlier.python, earlier.root)
        if unchanged and self.extras <= earlier.extras:
            return frozenset()
        return self.extras | earlier.extras


def ready(root: Path, extras: Iterable[str]) -> Environment:
    """The environment of the checkout at `root` with `extras` installed, made or completed where needed.

    Raises:
        SystemExit: it cannot be made; the message is the line to show.
    """
    environment = Environment(root, root / ".venv")
    stamp_file = environment.folder / "heedback-stamp.json"
    earlier = read_stamp(stamp_file)
    if not usable(environment, earlier):
        make(environment)
    stamp = Stamp(digest(root), python_version(environment), str(root), implied(root, extras))
    if missing := stamp.missing(earlier):
        install(environment, missing)
        write_stamp(stamp_file, stamp, missing)
    return environment


def usable(environment: Environment, earlier: Stamp | None) -> bool:
    """Whether the folder holds a working environment; a moved checkout leaves one full of old paths."""
    moved = earlier is not None and earlier.root != str(environment.root)
    version = tuple(int(part) for part in re.findall(r"\d+", python_version(environment))[:2])
    return environment.python.exists() and version >= OLDEST and not moved


def make(environment: Environment) -> None:
    print("Making .venv", flush=True)
    folder = str(environment.folder)
    if uv := working_uv():
        attempt([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder])
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SystemExit(NO_VENV)
    attempt([sys.executable, "-m", "venv", "--clear", folder])


def install(environment: Environment, extras: frozenset[str]) -> None:
    package = f".[{','.join(sorted(extras))}]"
    python = str(environment.python)
    uv = working_uv()
    print(f"Installing {package} with {'uv' if uv else 'pip'}", flush=True)
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        command = [*pip(python), "install", "--quiet", "--disable-pip-version-check"]
    attempt([*command, "--constraint", LOCK, "--editable", package], cwd=environment.root)


def pip(python: str) -> list[str]:
    """pip inside the environment; one that uv made has none until now."""
    command = [python, "-m", "pip"]
    if subprocess.run([*command, "--version"], capture_output=True).returncode:
        if subprocess.run([python, "-c", "import ensurepip"], capture_output=True).returncode:
            raise SystemExit(NO_VENV)
        attempt([python, "-m", "ensurepip", "--default-pip"], quiet=True)
    return command


def attempt(command: list[str], *, cwd: Path | None = None, quiet: bool = False) -> None:
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL if quiet else None)
    if done.returncode:
        raise SystemExit(f"This failed, the lines above say why: {' '.join(command)}")


def working_uv() -> str | None:
    """uv's path. A version manager may leave a shim that only says that there is none, hence the call."""
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True).returncode == 0:
        return uv
    return None


def python_version(environment: Environment) -> str:
    """The version of the environment's Python, like "3.11.7", read without starting it, or ""."""
    try:
        text = (environment.folder / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return ""
    # The standard library writes `version`, uv `version_info`.
    found = re.search(r"^version(?:_info)?\s*=\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def digest(root: Path) -> str:
    """SHA-256 over everything that says what gets installed."""
    content = hashlib.sha256()
    for name in ("pyproject.toml", LOCK):
        content.update((root / name).read_bytes())
    return content.hexdigest()


def implied(root: Path, extras: Iterable[str]) -> frozenset[str]:
    """`extras` and those they include: `test` brings `service` when it asks for `heedback[service]`."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return closure(project["name"], project["optional-dependencies"], extras)


def closure(name: str, table: Mapping[str, list[str]], extras: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(extras)
    while waiting:
        extra = waiting.pop()
        if extra in found:
            continue
        found.add(extra)
        for requirement in table[extra]:
            if own := re.fullmatch(rf"{re.escape(name)}\s*\[(.+)\]", requirement):
                waiting += own[1].replace(" ", "").split(",")
    return frozenset(found)


def read_stamp(file: Path) -> Stamp | None:
    """The stamp in `file`, or None where there is none that can be read: then everything is installed."""
    try:
        told = json.loads(file.read_text("utf-8"))
        return Stamp(told["digest"], told["python"], told["root"], frozenset(told["extras"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_stamp(file: Path, stamp: Stamp, extras: frozenset[str]) -> None:
    told = {"digest": stamp.digest, "python": stamp.python, "root": stamp.root, "extras": sorted(extras)}
    file.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
