"""The short examples as their first lines say to run them, and the service that they send to: all of it real."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from fastapi.testclient import TestClient

import heedback
from heedback.testing import capturing
from processes import Service, until

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = "The invoice is over 1,428 euros. It is due on the 24th. Write to jane@example.com."


class House:
    """A service with one project, and the environment of an app that sends to it."""

    def __init__(self, folder: Path, service: Service, environment: dict[str, str], project: dict[str, str]) -> None:
        self._environment = environment
        self.app = environment | {
            "HEEDBACK_URL": service.url,
            "HEEDBACK_KEY": project["key"],
            "HEEDBACK_USER_KEY": project["user_key"],
            "HEEDBACK_SPOOL": str(folder / "spool.db"),
            "PYTHONUNBUFFERED": "1",
        }

    def stored(self, output_id: str) -> dict[str, list[dict[str, Any]]]:
        """What `heedback export` prints about one output, by type."""
        lines = [json.loads(line) for line in command(self._environment, "export", "acme").splitlines()]
        outputs = [line for line in lines if line["type"] == "output" and line["id"] == output_id]
        feedback = [line for line in lines if line["type"] == "feedback" and line["output_id"] == output_id]
        return {"outputs": outputs, "feedback": feedback}

    def arrived(self, output_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The output and the one piece of feedback on it, as soon as both are stored."""
        until(lambda: all(self.stored(output_id).values()), 30, 0.2)
        stored = self.stored(output_id)
        return stored["outputs"][0], stored["feedback"][0]


def command(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "heedback_service.cli", *words],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    environment = ours | {"HEEDBACK_SERVER_DATA": str(folder), "HEEDBACK_SERVER_SETTLE_SECONDS": "0"}
    project = json.loads(command(environment, "project", "create", "acme", "--json"))
    with Service(environment) as service:
        yield House(folder, service, environment, project)


@contextmanager
def running(house: House, *arguments: str) -> Iterator[str]:
    """A server as its documentation starts it, on a free port; its address, which it logs."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments, "--port", "0"], env=house.app, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            log = iter(process.stderr.readline, "")
            address = next(found[0] for line in log if (found := re.search(r"http://127\.0\.0\.1:[0-9]+", line)))
            yield address
        finally:
            process.terminate()


def test_the_flask_app(house: House) -> None:
    """As a browser without scripts uses it: a text, its summary, a thumb with a comment."""
    with running(house, "flask", "--app", str(EXAMPLES / "flask_app.py"), "run") as url, requests.Session() as browser:
        assert "Sum it up" in browser.get(url, timeout=10).text
        page = browser.post(f"{url}/summaries", data={"text": TEXT}, timeout=10).text
        assert "<p>The invoice is over 1,428 euros</p>" in page
        action = re.search(r'action="(/summaries/([0-9a-f-]{36})/rating)"', page)
        assert action is not None
        said = {"rating": "down", "comment": "And when is it due?"}
        assert "Saved. Thank you." in browser.post(url + action[1], data=said, timeout=10).text
        assert browser.post(url + action[1], data={"rating": "sideways"}, timeout=10).status_code == 400
        output, feedback = house.arrived(action[2])
    assert (output["feature"], output["prompt_version"], output["environment"]) == ("text-summary", "v1", "example")
    assert output["input"] == TEXT.replace("jane@example.com", "[email]")
    assert output["output"] == "The invoice is over 1,428 euros"
    assert (feedback["rating_value"], feedback["rating_scale"]) == (0, "thumbs")
    assert feedback["comment"] == "And when is it due?"
    assert feedback["person"] == output["person"] is not None


def test_the_fastapi_app(house: House) -> None:
    """A stream is one output, with its whole text and its time; feedback on it is a patch."""
    with running(house, "uvicorn", "--app-dir", str(EXAMPLES), "fastapi_app:app") as url:
        answer = requests.post(f"{url}/summaries", json={"text": TEXT}, headers={"X-User": "alice"}, timeout=10)
        assert answer.text == "The invoice is over 1,428 euros "
        output_id = answer.headers["X-Output"]
        for said in ({"rating": "down", "reasons": ["incomplete"]}, {"comment": "And when is it due?"}):
            put = requests.put(
                f"{url}/summaries/{output_id}/feedback", json=said, headers={"X-User": "alice"}, timeout=10
            )
            assert put.status_code == 202
        until(lambda: [each.get("comment") for each in house.stored(output_id)["feedback"]] == ["And when is it due?"])
        output, feedback = house.arrived(output_id)
    assert output["output"] == answer.text
    assert output["latency_us"] > 0
    assert feedback["person"] == output["person"] is not None
    assert "alice" not in json.dumps(output)
    assert (feedback["rating_value"], feedback["rating_scale"]) == (0, "thumbs")
    assert feedback["reasons"] == ["incomplete"]


def test_the_fastapi_app_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its own tests have it: each begins the app and ends it, and captures what happens in between."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import fastapi_app

    for _ in range(2):
        with capturing() as sent, TestClient(fastapi_app.app) as browser:
            browser.post("/summaries", json={"text": TEXT}, headers={"X-User": "alice"})
            sent.assert_output("text-summary", user="alice")


def test_the_script(house: House) -> None:
    """When it has ended, everything has arrived: an output for each line, judged by the program."""
    script = str(EXAMPLES / "script.py")
    done = subprocess.run(
        [sys.executable, script],
        input=f"{TEXT}\nNo numbers.\n",
        env=house.app,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [" 67%  The invoice is over 1,428 euros", "100%  No numbers."]
    lines = [json.loads(line) for line in command(house._environment, "export", "acme").splitlines()]
    outputs = {line["id"]: line for line in lines if line["type"] == "output" and line["surface"] == "job"}
    feedback = [line for line in lines if line["type"] == "feedback" and line["output_id"] in outputs]
    assert {line["source"] for line in feedback} == {"code"}
    assert {outputs[line["output_id"]]["output"]: round(line["rating_value"], 2) for line in feedback} == {
        "The invoice is over 1,428 euros": 0.67,
        "No numbers.": 1.0,
    }


def test_the_script_tells_what_waits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there was no answer in time there is no problem to show yet."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import script

    monkeypatch.setattr(sys, "stdin", io.StringIO(TEXT))
    with capturing():
        monkeypatch.setattr(heedback, "flush", lambda timeout: False)
        monkeypatch.setattr(heedback, "stats", lambda: {"pending": 2, "problem": None})
        assert script.main() == 0
    assert capsys.readouterr().err == "2 events wait: no answer yet\n"


def test_without_a_service_they_run_as_well(house: House) -> None:
    """On a laptop without a key nothing is sent and nothing is said."""
    bare = {name: value for name, value in house.app.items() if not name.startswith("HEEDBACK_")}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "script.py")], input=TEXT, env=bare, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["flask_app.py", "fastapi_app.py", "script.py"])
def test_each_is_short(name: str) -> None:
    """Read in a minute: 60 lines of code at most, a handful of them for Heedback."""
    lines = (EXAMPLES / name).read_text("utf-8").splitlines()
    code = [line for line in lines if line.strip()]
    assert len(code) <= 60
    assert 4 <= sum("★" in line for line in code[8:]) <= 7
