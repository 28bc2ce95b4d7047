"""What importing heedback costs a host: next to nothing, and nobody sees that the rest comes later."""

from __future__ import annotations

import ast
import inspect
import os
import pkgutil
import subprocess
import sys
import threading
import time

import pytest

import heedback

LATER = {"requests", "itsdangerous", "urllib3"}


def loaded_by(program: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `program`, and not before."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; before = set(sys.modules)\n{program}\nprint(set(sys.modules) - before)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names: set[str] = ast.literal_eval(told.stdout)
    return names


def test_importing_loads_nothing_of_ours_and_no_database() -> None:
    """A host that never captures anything pays for one small module."""
    loaded = loaded_by("import heedback")
    assert {name for name in loaded if name.startswith("heedback")} == {"heedback"}
    assert not loaded & (LATER | {"sqlite3", "typing", "dataclasses"})


def test_setting_up_and_a_disabled_call_load_neither_requests_nor_itsdangerous() -> None:
    """They come with the first batch and the first ticket."""
    program = (
        "import heedback; heedback.init('https://feedback.example.org', 'hb_sk_k1_notasecret', disabled=True)\n"
        "heedback.rate(heedback.output('f'), 'up')"
    )
    loaded = loaded_by(program)
    assert "heedback.client" in loaded
    assert not loaded & LATER


@pytest.mark.parametrize("program", [
    "from heedback import *; Client, Tracked, RetryAfter, REASONS; rate(output('f'), 'up')",
    "import heedback; heedback.Outcome, heedback.Source, heedback.TicketError; heedback.output('f')",
    "from heedback import Output, output; from heedback.langchain import HeedbackCallback; output('f')",
    "import heedback.testing as t; t.memory_client().output('f'); import heedback; heedback.output('f')",
])  # fmt: skip
def test_names_are_there_in_whatever_order_they_are_asked_for(program: str) -> None:
    """By star, by attribute, one by one, and after a module of the package was loaded first."""
    assert "heedback.client" in loaded_by(program)


def test_every_public_name_is_there_and_told_of() -> None:
    """`__all__`, `dir` and what can be had are the same."""
    assert set(heedback.__all__) <= set(dir(heedback))
    assert [name for name in heedback.__all__ if not hasattr(heedback, name)] == []
    assert not hasattr(heedback, "no_such_name")


def test_no_module_is_named_like_a_public_call() -> None:
    """Loading it would put the module in the call's place."""
    modules = {module.name for module in pkgutil.iter_modules(heedback.__path__)}
    assert not modules & {name for name in heedback.__all__ if inspect.isfunction(getattr(heedback, name))}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # 3.12 frowns at a fork with threads
def test_a_fork_waits_for_what_is_being_loaded() -> None:
    """A child must not be copied with half a module, or with a lock whose holder it has not."""
    held = threading.Event()

    def load() -> None:
        with heedback._choosing:
            held.set()
            time.sleep(0.2)
            loaded.append(True)

    loaded: list[bool] = []
    loading = threading.Thread(target=load)
    loading.start()
    held.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if loaded and heedback._choosing.acquire(timeout=5) else 1)
    loading.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
