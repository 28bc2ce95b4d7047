"""What `pip install heedback` gives: the SDK with two direct dependencies, and every file the service needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, really built."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def bare(requirements: list[str]) -> set[str]:
    """The names among `requirements` that hold without any extra."""
    parsed = [Requirement(text) for text in requirements]
    return {each.name for each in parsed if each.marker is None or each.marker.evaluate({"extra": ""})}


def test_the_sdk_asks_for_two_packages(wheel: Path) -> None:
    """Whoever adds feedback to an app gets no web framework with it."""
    assert bare(metadata(wheel).get_all("Requires-Dist", [])) == {"requests", "itsdangerous"}


def test_the_sdk_runs_with_nothing_else_installed(wheel: Path, tmp_path: Path) -> None:
    """Import, capture and close work where only the two and what they ask for can be imported."""
    site, unpacked = tmp_path / "site", tmp_path / "wheel"
    site.mkdir()
    waiting, linked = ["requests", "itsdangerous"], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in linked:
            linked.add(name)
            waiting += bare(distribution(name).requires or [])
            link(name, site)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    code = (
        "import heedback, requests, itsdangerous\n"
        "heedback.init('http://127.0.0.1:9', 'hb_sk_k_s', spool='spool')\n"
        "out = heedback.output('f', user='u', input='q', output='a')\n"
        "assert heedback.rate(out, 'up')\n"
        "heedback.close()\n"
        "import importlib.util as look\n"
        "assert not any(map(look.find_spec, ('flask', 'sqlalchemy', 'marshmallow', 'click', 'pytest')))\n"
    )
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(unpacked), str(site)])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def link(name: str, site: Path) -> None:
    """Makes the installed distribution `name` importable from `site`."""
    files = distribution(name).files or []
    for top in {file.parts[0] for file in files if not file.parts[0].startswith((".", "__"))}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    """Templates, static files, migrations and type markers too; and nothing but the packages."""
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "sdk", "service", "widgets/heedback_widgets"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    wanted = {name.partition("/")[2] for name in kept if (ROOT / name).is_file()}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not re.match(r"heedback-[^/]+\.dist-info/", name)}
    assert held == wanted
