"""`./dev check`: every check of the project, all of them even if an early one fails."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Final

from tools.environment import Environment


@dataclass(frozen=True, slots=True)
class Step:
    """One check: `program` of the environment (None: its Python) with `arguments`."""

    name: str
    program: str | None
    arguments: tuple[str, ...]

    def command(self, environment: Environment) -> list[str]:
        program = environment.script(self.program) if self.program else environment.python
        return [str(program), *self.arguments]


STEPS: Final = (
    Step("lint", "ruff", ("check", "--quiet", "--output-format", "concise", ".")),
    Step("format", "ruff", ("format", "--check", "--quiet", ".")),
    Step("types", "mypy", ("--no-error-summary",)),
    Step("types of dev", "mypy", ("--no-error-summary", "--scripts-are-modules", "dev")),
    Step("imports", "lint-imports", ("--no-logo",)),
    Step("docs", None, ("-m", "tools.docs_check")),
    Step("widget", None, ("-m", "tools.widget")),
)


def run(environment: Environment, steps: tuple[Step, ...] = STEPS) -> int:
    """Runs `steps`, a line each; returns 1 if any failed."""
    failed = [step.name for step in steps if not passes(step, environment)]
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed")
    return 1 if failed else 0


def passes(step: Step, environment: Environment) -> bool:
    begun = time.monotonic()
    done = subprocess.run(
        step.command(environment),
        cwd=environment.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    good = done.returncode == 0
    print(f"{'ok  ' if good else 'FAIL'}  {step.name:<14}{time.monotonic() - begun:5.1f} s", flush=True)
    if not good:
        print(done.stdout.rstrip(), flush=True)
    return good
