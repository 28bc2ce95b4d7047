"""Texts of which one turns the other around do not join, however long they are and wherever a project joins."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.calibration import LOWEST
from heedback_service.core.grouping import JOIN_AT, near
from heedback_service.core.nearness import TURNED
from heedback_service.core.opposites import NEGATIONS
from heedback_service.core.text import normalise

LONG = "I read the answer about our invoices of March twice and it names the right amount for each of our customers and"


def nearness(one: str, other: str) -> float:
    return near(normalise(one), normalise(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{LONG} it is helpful", f"{LONG} it is not helpful"),
        (f"{LONG} it can do more", f"{LONG} it can't do more"),
        (
            "La réponse est correcte pour les factures de mars",
            "La réponse n'est pas correcte pour les factures de mars",
        ),
        (
            "La réponse est correcte pour les factures de mars",
            "La réponse n'est plus correcte pour les factures de mars",
        ),
        ("La respuesta es útil para las facturas de marzo", "La respuesta no es útil para las facturas de marzo"),
        ("A resposta é útil para as faturas de março", "A resposta não é útil para as faturas de março"),
        ("La risposta è utile per le fatture di marzo", "La risposta non è utile per le fatture di marzo"),
        ("Het antwoord klopt voor de facturen van maart", "Het antwoord klopt niet voor de facturen van maart"),
        ("Die Antwort stimmt für alle Rechnungen im März", "Die Antwort stimmt nicht für alle Rechnungen im März"),
        ("Svaret stemmer for alle fakturaene fra mars", "Svaret stemmer ikke for alle fakturaene fra mars"),
        ("Svaret är rätt för alla fakturor från mars", "Svaret är inte rätt för alla fakturor från mars"),
        ("Vastaus on oikea kaikille maaliskuun laskuille", "Vastaus ei ole oikea kaikille maaliskuun laskuille"),
        ("Odpowiedź jest poprawna dla faktur z marca", "Odpowiedź nie jest poprawna dla faktur z marca"),
        ("Ответ отвечает на мой вопрос про налоги и счета", "Ответ не отвечает на мой вопрос про налоги и счета"),
        ("الإجابة صحيحة لجميع الفواتير في شهر مارس", "الإجابة ليست صحيحة لجميع الفواتير في شهر مارس"),
        ("התשובה נכונה לכל החשבוניות של חודש מרץ", "התשובה לא נכונה לכל החשבוניות של חודש מרץ"),
        ("这个答案正确并且缺少很多信息", "这个答案不正确并且缺少很多信息"),
        (
            "この答えは正しいと思います、請求書の金額を見てください",
            "この答えは正しくないと思います、請求書の金額を見てください",
        ),
        ("請求書の金額を毎月の画面で正しく確認できます", "請求書の金額を毎月の画面で正しく確認できません"),
        (f"{LONG} it is correct", f"{LONG} it is incorrect"),
        ("Svaret er riktig for alle fakturaene fra mars", "Svaret er uriktig for alle fakturaene fra mars"),
        (f"{LONG} invoice 4711 is wrong", f"{LONG} invoice 4712 is wrong"),
        (f"{LONG} page 3 is wrong", f"{LONG} page 30 is wrong"),
    ],
)
def test_what_is_turned_around_is_apart_at_any_threshold(one: str, other: str) -> None:
    assert nearness(one, other) <= TURNED < LOWEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ça ne marche pas pour les factures de mars chez nous", "ça marche pas pour les factures de mars chez nous"),
        (f"{LONG} it does not help", f"{LONG} it doesn't help"),
        (f"{LONG} it never helps me at all", f"{LONG} it neevr helps me at all"),
        (f"{LONG} nothing helps me at all", f"{LONG} nothng helps me at all"),
        (f"{LONG} using it helps", f"{LONG} uusing it helps"),
        (f"{LONG} option one helps", f"{LONG} ption one helps"),
        (f"{LONG} it costs 5 000 a year", f"{LONG} it costs 5000 a year"),
        (f"{LONG} it costs 12500 a year", f"{LONG} it costs 12050 a year"),
        (f"{LONG} it came on the 18th", f"{LONG} it came on the 18"),
        (
            f"{LONG} 2026-11-02 10:31:22 error 500 after 3 of 4 tries",
            f"{LONG} 2026-11-02 10:47:09 error 500 after 3 of 4 tries",
        ),
        ("A conta no site mostra o valor errado em março", "A conta do site mostra o valor errado em março"),
        (f"{LONG} the total is shown online", f"{LONG} the totl is shown on line"),
        (f"{LONG} keinen Betrag", f"{LONG} keine Betrag"),
        ("Han fant fakturaen sin i svaret om beløpet for mars", "Han fant fakturaen i svaret om beløpet for mars"),
    ],
)
def test_what_only_looks_like_it_still_joins(one: str, other: str) -> None:
    assert nearness(one, other) > LOWEST


@given(st.sampled_from(sorted(NEGATIONS)))
def test_any_negation_turns_a_long_text_around(word: str) -> None:
    assert nearness(LONG, f"{LONG} {word}") <= TURNED
    assert nearness(f"{LONG} {word}", f"{LONG} {word}") == 1


def test_a_slip_that_makes_the_contrary_is_no_slip() -> None:
    for one, other in (("never", "ever"), ("keine", "kleine"), ("cant", "can"), ("niet", "net"), ("rien", "bien")):
        assert nearness(f"{LONG} {one} again", f"{LONG} {other} again") < JOIN_AT, one


def test_hostile_texts_take_bounded_time() -> None:
    numbers = " ".join(str(n) for n in range(10_000, 11_300)), " ".join(str(n) for n in range(10_600, 11_900))
    start = time.process_time()
    for one, other in (numbers, ("never " * 1300, "neevr " * 1300), ("不" * 4000, "未" * 4000)):
        assert 0 <= nearness(one, other) <= 1
    assert time.process_time() - start < 1
