"""The kit for tests of host apps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import heedback
from heedback import Delivered, RetryAfter
from heedback.testing import MemoryTransport, capturing, memory_client


def test_capturing_takes_the_place_of_the_client_and_gives_it_back() -> None:
    """Inside the block the module's calls are seen; after it the former client is there again."""
    before = heedback._replace(None)
    try:
        with capturing() as outer:
            with capturing() as inner:
                heedback.output("inner")
                assert [event["feature"] for event in inner.outputs] == ["inner"]
            heedback.output("outer")
            assert [event["feature"] for event in outer.outputs] == ["outer"]
        assert heedback._client is None
    finally:
        heedback._replace(before)


def test_capturing_gives_the_client_back_when_the_block_fails() -> None:
    """A failed assertion of one test must not leak its client into the next."""
    before = heedback._client
    with pytest.raises(ZeroDivisionError), capturing():
        _ = 1 / 0
    assert heedback._client is before


def create_app() -> None:
    """As apps do it: the SDK is set up with the rest of the app."""
    heedback.init(
        "https://feedback.example.org", "hb_sk_k1_notasecret",
        app_version="4.2.0", disabled=True, spool="/no/such/file",
        redact=lambda text: text.replace("Nordlys", "[customer]"),
    )  # fmt: skip


def test_an_app_that_sets_itself_up_is_captured_all_the_same() -> None:
    """Before and after, in one list; what shapes events is the app's, where they go is the test's."""
    before = heedback._client
    with capturing() as sent:
        early = heedback.output("early")
        create_app()
        out = heedback.output("late", output="For Nordlys.", user="alice")
        assert [event["feature"] for event in sent.outputs] == ["early", "late"]
        sent.assert_output("late", output="For [customer].", app_version="4.2.0", user="alice")
        assert "app_version" not in sent.assert_output("early")
        assert [event["id"] for event in sent.outputs] == [early.id, out.id]
        with pytest.raises(heedback.UsageError):
            heedback.rate(out, stars=6)
        create_app()
        heedback.close()
        create_app()
        heedback.rate(out, "up")
        sent.assert_feedback(out, rating="up")
        last = sent.client
    assert heedback._client is before
    assert heedback._stand_in is None
    assert last.stats()["spool"] == "closed"


def test_what_the_test_says_counts_more_than_what_the_app_says() -> None:
    """A test that needs another version, or the behaviour of production, has it."""
    with capturing(app_version="0.0.1", strict=False) as sent:
        create_app()
        heedback.rate(heedback.output("f"), stars=6)
        sent.assert_output(app_version="0.0.1")
        assert sent.client.stats()["dropped"] == {"invalid": 1}


def test_an_app_that_sets_itself_up_in_a_block_within_a_block() -> None:
    """Each block has its own."""
    with capturing() as outer:
        with capturing() as inner:
            create_app()
            heedback.output("inner")
            inner.assert_output("inner")
        create_app()
        heedback.output("outer")
        outer.assert_output()


def test_events_by_kind() -> None:
    """Outputs, feedback and signals each have their list."""
    with capturing() as sent:
        out = heedback.output("f")
        heedback.rate(out, "up")
        heedback.signal(out, "shown")
        assert [event["type"] for event in sent.outputs + sent.feedback + sent.signals] == [
            "output",
            "feedback",
            "signal",
        ]
        assert len(sent.events) == 3


def test_events_that_cannot_be_sent_are_said() -> None:
    """A look at what was sent never shows less than was captured without a word."""
    with capturing(jitter=lambda top: 60.0) as sent:
        sent.transport.answer_with(RetryAfter(60.0))
        heedback.output("f")
        with pytest.raises(AssertionError, match="still waiting"):
            sent.look(timeout=0.1)


def test_outcomes_come_in_order() -> None:
    """A host may rehearse a bad day: the event is sent again and arrives."""
    transport = MemoryTransport(RetryAfter(), Delivered(1))
    client = memory_client(transport=transport, jitter=lambda top: 0.0)
    out = client.output("f")
    assert client.flush(5.0)
    client.close()
    assert [event["id"] for event in transport.events] == [out.id, out.id]


def test_an_assertion_takes_what_the_call_took() -> None:
    """Thumbs, stars, scores and people in the host's words; the event comes back to look closer."""
    with capturing() as sent:
        out = heedback.output("summary", user="alice", request_model="gpt-5.1")
        heedback.rate(out, "down", reasons=["incorrect"])
        heedback.rate(out, stars=4, user="bob")
        heedback.rate(out, score=0.5, source="code")
        heedback.rate(out, comment=None)
        heedback.signal(out, "edited", 0.3)
        assert sent.assert_output("summary", user="alice", request_model="gpt-5.1")["id"] == out.id
        assert "comment" not in sent.assert_feedback(out, rating="down", reasons=["incorrect"])
        sent.assert_feedback(stars=4, user="bob")
        sent.assert_feedback(out.id, score=0.5, source="code")
        sent.assert_feedback(out, comment=None)
        sent.assert_signal(out, "edited", value=0.3)


@pytest.mark.parametrize(
    ("fields", "how_many"),
    [
        ({"rating": "up"}, "no feedback with rating={'value': 1, 'scale': 'thumbs'}; captured was:\n"),
        ({"user": "bob"}, "no feedback with user='u-"),
        ({"reasons": None}, "no feedback with reasons=None"),
        ({"no_such_field": 1}, "no feedback with no_such_field=1"),
        ({}, "2 feedback; captured was:\n"),
    ],
)
def test_what_was_not_captured_so_is_told_with_all_that_was(fields: dict[str, object], how_many: str) -> None:
    """None, or more than one, fails; null is not the same as absent; the message can be read."""
    with capturing() as sent:
        out = heedback.output("summary", user="alice")
        heedback.rate(out, "down", comment="No.")
        heedback.signal(out, "copied")
        heedback.rate(out, "down", comment="Still no.")
        with pytest.raises(AssertionError) as failed:
            sent.assert_feedback(out, **fields)
    told = str(failed.value).replace(f"output_id='{out.id}', ", "").replace(f" with output_id='{out.id}'", "")
    assert told.startswith(how_many)
    assert [line.partition(":")[0] for line in told.splitlines()[1:]] == [
        "  output", "  feedback", "  signal", "  feedback",
    ]  # fmt: skip
    assert "comment='Still no.'" in told


def test_nothing_was_captured() -> None:
    """For the pages that must not; and a message for an empty list."""
    with capturing() as sent:
        sent.assert_nothing()
        with pytest.raises(AssertionError, match=r"^no output; captured was:\n  nothing$"):
            sent.assert_output()
        heedback.output("summary")
        with pytest.raises(AssertionError, match=r"^something was captured:\n  output: feature='summary', id="):
            sent.assert_nothing()


def test_what_is_about_an_output() -> None:
    """Everything that was said about it, and nothing about its neighbour."""
    with capturing() as sent:
        one, other = heedback.output("summary"), heedback.output("summary")
        heedback.rate(one, "up")
        heedback.signal(other, "shown")
        heedback.add_text(one, output="text")
        assert [event["type"] for event in sent.about(one)] == ["feedback", "output_text"]


def test_the_fixture_in_a_project_of_its_own(tmp_path: Path) -> None:
    """As docs/sdk.md has it: conftest and test are the page's, and a test that fails shows the host's own line."""
    page = Path(__file__).parents[2].joinpath("docs/sdk.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in snippets] == ["conftest.py", "test_answers.py"]
    for name, code in snippets:
        tmp_path.joinpath(name).write_text(code, encoding="utf-8")
    tmp_path.joinpath("test_wrong.py").write_text(
        "import heedback\n"
        "def test_wrong(captured):\n"
        "    captured.assert_nothing()  # whatever other tests captured\n"
        "    heedback.rate(heedback.output('f'), 'down')\n"
        "    captured.assert_feedback(rating='up')\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # those of other packages take seconds to load
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert ">       captured.assert_feedback(rating='up')" in done.stdout
    assert "def _only" not in done.stdout
    assert re.search(
        r"E +feedback: feature='f', output_id='[^']+', .*rating={'value': 0, 'scale': 'thumbs'}", done.stdout
    )


def test_the_kit_needs_no_pytest() -> None:
    """Whoever tests with something else has `capturing`; `import heedback` loads neither."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import heedback; assert 'heedback.testing' not in sys.modules\n"
        "from heedback.testing import capturing\n"
        "with capturing() as sent: sent.assert_nothing()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_assertion_that_can_never_hold_says_why() -> None:
    """A slip in the test itself, told in the words of the call."""
    with capturing() as sent:
        heedback.rate(heedback.output("f"), "up")
        with pytest.raises(heedback.UsageError, match=r"rating: takes .* not 'thumbs-up'"):
            sent.assert_feedback(rating="thumbs-up")
