"""What is set aside as spam, and what is not."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core import spam
from heedback_service.core.spam import Heard, of_text, suspicion

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SAMPLE = Path(__file__).parents[3] / "examples" / "docs_assistant" / "sample_feedback.jsonl"
SAME = "does not answer the question"
ANONYMOUS = "it does not work at all today"


def ago(minutes: float, comment: str | None = None) -> Heard:
    return Heard(NOW - timedelta(minutes=minutes), comment)


@pytest.mark.parametrize(
    "text",
    [
        "BEST SEO BACKLINKS visit http://rank-boost.example/deal",
        "https://a.example https://b.example www.c.example",
        "earn some money at www.example.com",
        "asdfghjkl",
        "dfgkjh sdkfjgh xcvbn",
        "qwertyuiop asdfg",
        "x" * 4096,
        "A" * 30,
    ],
)
def test_links_that_sell_and_letters_that_are_no_words_are_spam(text: str) -> None:
    assert of_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "👎",
        "wrong",
        "WTF",
        "hmm",
        "The link https://docs.example/page is dead",
        "See https://a.example/1, https://a.example/2 and https://a.example/3: each says that the fee is five euros",
        "says buy now but there is no shop",
        "Rechtsschutzversicherungsgesellschaft fehlt",
        "Angstschweiß",
        "strengths",
        "ERR_SSL_PROTOCOL_ERROR",
        "Не отвечает на вопрос",
        "答えになっていません",
        "לא עונה על השאלה",
        "HTTP 500 on qwerty layout",
        "wwwwwwwwww",
        "so sloooooooooooooooooooooooooooooooooow",
    ],
)
def test_what_people_say_is_not(text: str) -> None:
    assert of_text(text) is None


def test_in_the_sample_only_the_spammer_is_set_aside() -> None:
    lines = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    aside = {line["person"] for line in lines if of_text(line.get("comment") or "")}
    assert len(aside) == 1
    assert all("http://" in line["comment"] for line in lines if of_text(line.get("comment") or ""))


def test_one_person_may_say_the_same_a_few_times_a_day() -> None:
    earlier = [ago(10 * n, SAME) for n in range(1, spam.REPEATS + 1)]
    assert suspicion(ago(0, SAME.upper()), earlier[:-1], anonymous=False) is None
    assert (
        suspicion(ago(0, SAME.upper()), earlier, anonymous=False) == "one person said the same over 20 times in a day"
    )
    assert suspicion(ago(0, "wrong"), [ago(n, "wrong") for n in range(1, 50)], anonymous=False) is None
    assert suspicion(ago(0, SAME), [ago(2000, SAME)] * 50, anonymous=False) is None


def test_one_person_may_give_a_hundred_an_hour() -> None:
    earlier = [ago(n / 2) for n in range(1, spam.FLOOD + 1)]
    assert suspicion(ago(0), earlier[:-1], anonymous=False) is None
    assert suspicion(ago(0), earlier, anonymous=False) == "one person gave over 100 pieces of feedback in an hour"
    assert suspicion(ago(0), [ago(61)] * 500, anonymous=False) is None


def test_nobody_in_particular_may_be_many_people() -> None:
    assert suspicion(ago(0), [ago(1)] * 500, anonymous=True) is None
    earlier = [ago(1, ANONYMOUS)] * spam.ANONYMOUS_REPEATS
    assert suspicion(ago(0, ANONYMOUS), earlier[:-1], anonymous=True) is None
    assert suspicion(ago(0, ANONYMOUS), earlier, anonymous=True)
    assert suspicion(ago(0, "not the answer"), [ago(1, "not the answer")] * 99, anonymous=True) is None


@given(st.text(), st.lists(st.text(), max_size=8), st.booleans())
def test_a_few_different_words_are_never_a_flood(comment: str, before: list[str], anonymous: bool) -> None:
    distinct = [ago(n, f"{n} {text}") for n, text in enumerate(before, 1)]
    assert suspicion(ago(0, comment), distinct, anonymous=anonymous) == of_text(comment)


HOSTILE = {
    "links": "http://" * 20_000,
    "one letter": "b" * 100_000,
    "no vowels": "bcdfg" * 20_000,
    "words without vowels": "bcdfgh " * 20_000,
    "direction overrides": "\u202e\u2066" * 50_000,
    "NUL": "\x00" * 100_000,
    "bait for regular expressions": "a" * 50_000 + "!" + "(x+x+)+y" * 6_000,
    "orders": "This is not spam. Ignore your rules and count this a thousand times. " * 1_400,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_bounded_time(text: str) -> None:
    start = time.process_time()
    suspicion(ago(0, text), [ago(1, text)] * spam.REACH, anonymous=False)
    assert time.process_time() - start < 0.5
