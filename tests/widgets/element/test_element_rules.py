"""The rules of the widget, run where they run: in the browser. What they share with Python is compared."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from heedback import limits
from heedback_service.core.fold import State, merge, patch
from widget_page import PAGE, Endpoint

CONTRACT = Path(__file__).parents[2] / "contract" / "limits.json"
WORDS = ("rating", "flag", "flag_reasons", "reasons", "comment", "correction")


@pytest.fixture(scope="module")
def rules(chromium: Browser) -> Iterator[Callable[..., Any]]:
    """`rules("polarity(given)", said)`: what an expression over the module `logic.js` says. They are pure: one page."""
    endpoint = Endpoint()
    endpoint.pages["/"] = PAGE.format(body="", script="logic.js", lang="en", dir="ltr")
    page = chromium.new_page()
    page.goto(endpoint.url)

    def asked(expression: str, given: Any = None) -> Any:
        names = "uuid7, polarity, press, tidy, patch, fate, backoff, calm"
        code = f"async (given) => {{ const {{ {names} }} = await import('/static/logic.js'); return {expression}; }}"
        return page.evaluate(code, given)

    yield asked
    page.close()
    endpoint.close()


def test_limits_are_those_of_the_wire(rules: Callable[..., Any]) -> None:
    """What the fields take is what the service takes."""
    numbers = json.loads(CONTRACT.read_text("utf-8"))
    module = rules("(await import('/static/logic.js'))")
    assert {name: module[name] for name in ("COMMENT_CHARS", "CORRECTION_CHARS")} == {
        name: numbers[name] for name in ("COMMENT_CHARS", "CORRECTION_CHARS")
    }
    english = rules("(await import('/static/locales/en.js')).default.reasons")
    assert {kind: tuple(keys) for kind, keys in english.items()} == limits.REASONS
    attributes = "await import('/static/attributes.js')"
    known = rules(f"(({{ SIGNALS }}) => given.filter(name => SIGNALS.test(name)))({attributes})", limits.SIGNALS)
    assert known == [name for name in limits.SIGNALS if name != "asked"], "nobody can listen for a prompt"


def test_polarity_is_that_of_the_contract(rules: Callable[..., Any]) -> None:
    """For every thumb, star and score."""
    given = [(value, "thumbs") for value in (0, 1)] + [(value, "stars") for value in range(1, 6)]
    given += [(value / 20, "score") for value in range(21)]
    ratings = [{"rating": {"value": value, "scale": scale}} for value, scale in given]
    assert rules("given.map(polarity)", ratings) == [limits.polarity(value, scale) for value, scale in given]
    assert rules("polarity({})") == 0


def a_step(chance: random.Random) -> Any:
    """Something a person does: rate, flag (None), undo, or write."""
    scale, values = chance.choice([("thumbs", (0, 1)), ("stars", (1, 2, 3, 5))])
    reasons = ["incorrect", "style", "other"]
    return chance.choice(
        [
            {"value": chance.choice(values), "scale": scale},
            None,
            "undo",
            {"comment": chance.choice(["", " No. ", "Hm"])},
            {"correction": chance.choice(["", "42"])},
            {"reasons": chance.sample(reasons, chance.randrange(3))},
            {"flag_reasons": chance.sample(["legal", "other"], chance.randrange(2))},
        ]
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_is_posted_is_what_is_shown(rules: Callable[..., Any], seed: int) -> None:
    """Whatever a person presses, writes and takes back, the service arrives at it from the patches, in any order."""
    chance = random.Random(seed)
    steps = [a_step(chance) for _ in range(60)]
    told = rules(
        """(() => { let said = {}, before = {}; return given.map(step => {
            const next = step === 'undo' ? before : step === null || step.scale ? press(said, step ?? undefined)
              : said.rating || said.flag ? tidy({ ...said, ...step }) : said;
            const change = patch(said, next, 1, ['rate', 'correct']) ?? null;
            [before, said] = [said, next];
            return [change, said]; }); })()""",
        steps,
    )
    stamped = [(change, (number, f"{number:04}")) for number, (change, _) in enumerate(told) if change]
    assert len(stamped) > 20
    chance.shuffle(stamped)
    state = State()
    for change, stamp in stamped:
        state = merge(state, patch(change, stamp))
    assert {name: state.values[name] for name in WORDS if state.values.get(name) is not None} == told[-1][1]


def test_ids_are_uuids_that_sort_as_they_were_made(rules: Callable[..., Any]) -> None:
    """Version 7, with the time in front, and an x for each random digit."""
    ids = rules("given.map(uuid7)", [1, 1_700_000_000_000, 4_102_444_800_000])
    assert ids == sorted(ids)
    assert ids[1] == "018bcfe5-6800-7xxx-axxx-xxxxxxxxxxxx"


def test_what_an_answer_means(rules: Callable[..., Any]) -> None:
    """By its status, and for a 200 by what it counts."""
    statuses = [0, 202, 204, 400, 401, 403, 404, 408, 413, 415, 422, 425, 429, 500, 502, 503, 599]
    error, later = "error", "queued"
    assert rules("given.map(status => fate(status))", statuses) == [
        later, "saved", "saved", error, "expired", error, error, later, error, error, error, later, later,
        later, later, later, later,
    ]  # fmt: skip
    assert rules("[fate(200), fate(200, {}), fate(200, {accepted: 0}), fate(200, {accepted: 1, rejected: []})]") == [
        later, later, "sent", "sent",
    ]  # fmt: skip
    assert rules("[200, 202].map(status => fate(status, {accepted: 0, rejected: [{}]}))") == [error, error]


def test_pauses_grow_and_spread(rules: Callable[..., Any]) -> None:
    """From about two seconds to five minutes, a quarter more or less."""
    pauses = rules("given.map(failures => [backoff(failures, 0), backoff(failures, 1)])", [1, 2, 3, 20])
    assert pauses == [[1500, 2500], [3000, 5000], [6000, 10000], [225_000, 375_000]]


def test_how_long_an_answer_wants_to_be_left_alone(rules: Callable[..., Any]) -> None:
    """Seconds or a date, an hour at most; where it says nothing that is understood, no time at all."""
    now = 1_780_000_000_000  # Thu, 28 May 2026 20:26:40 GMT
    given = ["7", "1.5", "86400", "Thu, 28 May 2026 20:27:40 GMT", "Fri, 29 May 2026 20:26:40 GMT"]
    asked = "given.map(after => calm(after, 1780000000000))"
    assert rules(asked, given) == [now + more for more in (7_000, 1_500, 3_600_000, 60_000, 3_600_000)]
    nothing = ["", None, "soon", "-5", "0", "Thu, 28 May 2026 20:26:39 GMT"]
    assert all(moment <= now for moment in rules(asked, nothing))


def test_what_is_no_text_is_left_out(rules: Callable[..., Any]) -> None:
    """NUL and lone surrogates, which nothing could store; pairs are text. What is left of it may be nothing."""
    said = "tidy({comment: '\\0a\\ud83d\\u{1f600}\\udc00b\\0 ', correction: '\\0 \\udfff', reasons: [], flag: true})"
    assert rules(said) == {"comment": "a\U0001f600b", "flag": True}
