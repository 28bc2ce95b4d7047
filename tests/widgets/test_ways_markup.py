"""What the template helpers write: escaped, of the ticket's rights alone, and taken as it is by both engines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.template import Context, Engine
from flask import Blueprint, Flask
from jinja2 import Environment
from markupsafe import Markup

import heedback
import heedback_widgets.fastapi
import heedback_widgets.flask
from heedback.testing import Sent, capturing
from heedback_widgets import files, markup, plain, values
from heedback_widgets.words import languages, words
from tools.browser import read

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def sent() -> Iterator[Sent]:
    with capturing() as captured:
        yield captured


@pytest.fixture
def out() -> heedback.Output:
    return heedback.output("invoice-summary", user="alice")


def test_the_element_holds_a_ticket_for_its_output(out: heedback.Output) -> None:
    html = markup.rating(out, "/heedback", seconds=60, may=["rate"])
    found = re.search(r'<heedback-rating id="([^"]+)" endpoint="/heedback" ticket="([^"]+)">', html)
    assert found
    ticket = heedback.open_ticket(found[2])
    assert (found[1], ticket.output_id, ticket.may) == (f"heedback-{out.id}", out.id, ("rate",))
    assert "alice" not in html


def test_attributes_are_the_element_s_and_escaped(out: heedback.Output) -> None:
    html = markup.rating(out, "/h", label=HOSTILE, privacy_url="/privacy", data_x=True, theme=None, queue=False)
    assert ' label="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" privacy-url="/privacy" data-x>' in html
    assert "theme" not in html
    assert "queue" not in html


def test_lists_of_reasons_are_written_as_the_element_reads_them(out: heedback.Output) -> None:
    reasons = {"version": 3, "down": {"incorrect": "", "price": 'Zu "teuer" & <so>'}}
    found = re.search(r' reasons="([^"]*)"', markup.rating(out, "/h", reasons=reasons, ask_limit=2))
    assert found
    assert json.loads(unescape(found[1])) == reasons
    assert ' ask-limit="2"' in markup.rating(out, "/h", ask_limit=2)


def choices(html: str) -> dict[str, dict[str, str]]:
    """The boxes of the plain form: by their field, keys and labels."""
    found: dict[str, dict[str, str]] = {}
    for field, key, label in re.findall(r'<input type="checkbox" name="(\w+)" value="(\w+)"> ([^<]*)</label>', html):
        found.setdefault(field, {})[key] = unescape(label)
    return found


def test_the_plain_form_offers_the_feature_s_own_reasons(out: heedback.Output) -> None:
    own = {"version": 3, "down": {"incorrect": "", "price": 'Zu "teuer" & <so>'}, "up": {"clear": "", "kurz": ""}}
    for given in (own, json.dumps(own)):
        html = markup.rating(out, "/h", reasons=given, locale="de", labels={"incorrect": "Verkehrt"})
        assert choices(html) == {
            "reasons": {"incorrect": "Verkehrt", "price": 'Zu "teuer" & <so>'},
            "up_reasons": {"clear": words("de")["reasons"]["up"]["clear"], "kurz": "kurz"},
            "flag_reasons": words("de")["reasons"]["flag"],
        }
        assert html.count('<input type="hidden" name="reasons_version" value="3">') == 1
    usual = choices(markup.rating(out, "/h"))
    assert usual == {"reasons": words("en")["reasons"]["down"], "flag_reasons": words("en")["reasons"]["flag"]}
    only_harm = markup.rating(out, "/h", reasons={"down": {}, "flag": {"theft": "Theft"}}, may=["flag"])
    assert choices(only_harm) == {"flag_reasons": {"theft": "Theft"}}
    assert "reasons_version" not in only_harm, "it needs the right to rate"


@pytest.mark.parametrize(
    "given",
    [
        "{", "7", 7, [], {"down": ["incorrect"]}, {"down": {"incorrect": 7}}, {"down": {"Not a key": ""}},
        {"down": {f"key_{n}": "" for n in range(21)}}, {"version": 0}, {"version": "3"},
    ],
    ids=str,
)  # fmt: skip
def test_reasons_that_nobody_could_send_are_an_error(out: heedback.Output, given: object) -> None:
    for fallback in (None, ""):
        with pytest.raises(ValueError):  # noqa: PT011 - JSON's own among them
            markup.rating(out, "/h", reasons=given, fallback=fallback)


@pytest.mark.parametrize("name", ["onclick", "a b", "a>", "A", "on_x"])
def test_what_is_no_attribute_is_an_error(out: heedback.Output, name: str) -> None:
    with pytest.raises(ValueError, match="is no attribute"):
        markup.rating(out, "/h", **{name: "x"})


@pytest.mark.parametrize("address", ["privacy.html", "//host/privacy", "javascript:alert(1)", "https://"])
def test_a_privacy_url_that_the_element_refuses_is_an_error(out: heedback.Output, address: str) -> None:
    with pytest.raises(ValueError, match="takes a path"):
        markup.rating(out, "/h", privacy_url=address)
    for fine in ("", "/privacy", "https://example.org/privacy"):
        assert f' privacy-url="{fine}"' in markup.rating(out, "/h", privacy_url=fine)


def test_words_and_paths_of_the_host_are_escaped(out: heedback.Output) -> None:
    html = markup.rating(out, f"/h{HOSTILE}", labels={"up": HOSTILE}, back=HOSTILE, nonce=HOSTILE)
    assert "<script>" not in html


def test_style_and_script_stand_beside_it_unless_the_page_has_them(out: heedback.Output) -> None:
    base = f'"/h/static/{files.version()}'
    style, script = (
        f'<link rel="stylesheet" href={base}/heedback.css"',
        f'<script type="module" src={base}/heedback.min.js"',
    )
    assert markup.rating(out, "/h").startswith(f"{style}>{script}></script><heedback-rating ")
    secret = ' nonce="abc"'
    assert markup.rating(out, "/h", nonce="abc").startswith(f"{style}{secret}>{script}{secret}></script>")
    assert markup.rating(out, "/h", script=False).startswith("<heedback-rating ")


@pytest.mark.parametrize(
    ("may", "buttons", "fields"),
    [
        (None, {"rating", "flag"}, {"reasons", "flag_reasons", "comment", "correction"}),
        (["rate"], {"rating"}, {"reasons", "comment"}),
        (["flag"], {"flag"}, {"flag_reasons", "comment"}),
        (["correct"], set(), {"correction"}),
        (["read", "signal"], set(), set()),
    ],
)
def test_the_plain_form_offers_what_the_ticket_allows(
    out: heedback.Output, may: list[str] | None, buttons: set[str], fields: set[str]
) -> None:
    html = markup.rating(out, "/h", may=may)
    forms = read("http://host/", 200, html).forms
    assert {name for form in forms for name, _ in form.buttons} == buttons
    assert set(re.findall(r'<(?:input type="checkbox"|textarea) name="(\w+)"', html)) == fields
    assert len(forms) == (1 if fields else 0), "what is written goes along with every button"
    for form in forms:
        assert (form.action, form.method) == ("/h/form", "post")
        assert heedback.open_ticket(form.fields["ticket"]).output_id == out.id


@pytest.mark.parametrize(("may", "many"), [(None, 2), (["flag"], 2), (["correct"], 1)])
def test_return_in_a_field_presses_a_button_that_only_sends(
    out: heedback.Output, may: list[str] | None, many: int
) -> None:
    buttons = re.findall(r"<button([^>]*)>([^<]*)", markup.rating(out, "/h", may=may))
    assert ("name=" in buttons[0][0], buttons[0][1]) == (False, words("en")["send"])
    assert [text for _, text in buttons].count(words("en")["send"]) == many


def test_stars_are_five_buttons(out: heedback.Output) -> None:
    html = markup.rating(out, "/h", mode="stars", labels={"stars": "{n} von 5"})
    assert "lang=" not in html, "nobody said which"
    form = read("http://host/", 200, html).form(button=("rating", "5"))
    assert [value for name, value in form.buttons if name == "rating"] == ["1", "2", "3", "4", "5"]
    assert "4 von 5" in html


def test_every_control_has_a_label_and_every_reason_is_there(out: heedback.Output) -> None:
    html = markup.rating(out, "/h")
    for key in heedback.REASONS["down"]:
        assert words("en")["reasons"]["down"][key] in html
    assert len(re.findall(r"<button[^>]*>[^<]+</button>", html)) == html.count("<button")
    assert html.count("<textarea") + html.count("checkbox") == html.count("<label>")


@pytest.mark.parametrize("locale", sorted(languages()))
def test_the_plain_form_speaks_the_element_s_languages(out: heedback.Output, locale: str) -> None:
    """What it says in each is what the element says."""
    said = words(locale)
    html = unescape(markup.rating(out, "/h", locale=f"{locale.upper()}-XX"))
    assert f'<div lang="{said["lang"]}" dir="{said["dir"]}">' in html
    texts = [said[key] for key in ("up", "down", "flag", "details", "comment", "correction", "send", "saved")]
    for text in (*texts, said["why"]["down"], *said["reasons"]["down"].values()):
        assert f">{text}<" in html or f"> {text}<" in html
    stars = unescape(markup.rating(out, "/h", locale=locale, mode="stars"))
    assert f'<button name="rating" value="4">{said["star"].replace("N", "4", 1)}</button>' in stars


def test_words_of_the_app_come_before_those_of_the_language(out: heedback.Output) -> None:
    html = markup.rating(out, "/h", locale="de", labels={"up": "Prima"})
    assert ">Prima</button>" in html
    assert ">Schlechte Antwort</button>" in html
    assert ">Good answer</button>" in markup.rating(out, "/h", locale="tlh")
    assert '<div lang="en" dir="ltr">' in markup.rating(out, "/h")


def test_a_form_of_the_app_s_own_takes_the_plain_one_s_place(out: heedback.Output) -> None:
    assert "<b>own</b></heedback-rating>" in markup.rating(out, "/h", fallback=Markup("<b>own</b>"))
    assert "&lt;b&gt;own&lt;/b&gt;</heedback-rating>" in markup.rating(out, "/h", fallback="<b>own</b>")


def test_a_disabled_client_writes_nothing_but_what_the_app_has() -> None:
    with capturing(disabled=True):
        out = heedback.output("invoice-summary")
        assert markup.rating(out, "/h") == ""
        assert markup.rating(out, "/h", fallback=Markup("<b>own</b>")) == "<b>own</b>"


def test_jinja_and_django_take_it_as_it_is(out: heedback.Output) -> None:
    environment = Environment(autoescape=True)
    environment.globals["heedback_rating"] = heedback_widgets.fastapi.rating("/feedback")
    assert "<heedback-rating " in environment.from_string("{{ heedback_rating(out, mode='stars') }}").render(out=out)
    engine = Engine()
    html = markup.rating(out, "/h")
    assert engine.from_string("{{ html }}").render(Context({"html": html})) == html


def test_the_template_helpers_pass_the_language_on(out: heedback.Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a template of each framework."""
    app = Flask("host")
    app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")
    with app.test_request_context("/"):
        flask: Any = app.jinja_env.from_string("{{ heedback_rating(out, locale='ar') }}").render(out=out)
    environment = Environment(autoescape=True)
    environment.globals["heedback_rating"] = heedback_widgets.fastapi.rating("/heedback")
    fastapi = environment.from_string("{{ heedback_rating(out, locale='ar') }}").render(out=out)
    monkeypatch.setattr("heedback_widgets.django.reverse", lambda name: "/heedback/events")
    tags = {"heedback": "heedback_widgets.templatetags.heedback"}
    template = Engine(libraries=tags).from_string("{% load heedback %}{% heedback_rating out locale='ar' %}")
    for html in (flask, fastapi, template.render(Context({"out": out}))):
        assert ' locale="ar"><object class="heedback-plain"><div ' in html
        assert '<div lang="ar" dir="rtl">' in html
        assert f">{words('ar')['down']}</button>" in html


def test_flask_finds_the_blueprint_wherever_it_is(out: heedback.Output) -> None:
    app, shop = Flask("host"), Blueprint("shop", "host")
    shop.register_blueprint(heedback_widgets.flask.blueprint("said"), url_prefix="/said")
    app.register_blueprint(shop, url_prefix="/shop")
    with app.test_request_context("/", base_url="http://host/here"):
        html: Any = app.jinja_env.from_string("{{ heedback_rating(out) }}").render(out=out)
    assert 'endpoint="/here/shop/said" ' in html


def test_everything_that_the_form_can_offer_can_be_sent(out: heedback.Output) -> None:
    lists = {kind: {f"{kind}_{n}": "" for n in range(20)} for kind in ("up", "down", "flag")}
    form = read("http://host/", 200, markup.rating(out, "/h", reasons=lists, back="/")).form(field="comment")
    boxes = [(name, key) for name, chosen in choices(markup.rating(out, "/h", reasons=lists)).items() for key in chosen]
    sent = [*form.fields.items(), ("comment", "x"), ("correction", "y"), *boxes]
    filled = plain.read(urlencode(sent).encode(), datetime(2026, 11, 16, tzinfo=UTC))
    assert heedback.open_ticket(filled.ticket).output_id == out.id
    assert filled.event["flag_reasons"] == list(lists["flag"])


def test_an_event_of_the_form_is_as_new_as_it_is() -> None:
    """Ids sort by time, as the element's do: it takes the later one for the newer word."""
    early, late = (plain.read(b"rating=up", datetime(2026, 11, day, tzinfo=UTC)) for day in (16, 17))
    ids = [UUID(filled.event["id"]) for filled in (early, late)]
    assert ids == sorted(ids)
    assert [each.version for each in ids] == [7, 7]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("reasons=price&reasons=style&reasons_version=3", {"reasons": ["price", "style"], "reasons_version": 3}),
        ("up_reasons=clear", {"reasons": ["clear"]}),
        ("up_reasons=clear&rating=4", {"reasons": ["clear"]}),
        ("up_reasons=clear&up_reasons=other&reasons=style&reasons=other", {"reasons": ["style", "other", "clear"]}),
        ("up_reasons=clear&reasons=style&rating=3", {"reasons": ["style", "clear"]}),
        ("flag_reasons=legal&reasons_version=2", {"flag": True, "flag_reasons": ["legal"], "reasons_version": 2}),
        ("comment=x&reasons_version=2", {"comment": "x"}),
    ],
)
def test_every_reason_that_was_ticked_is_sent(chosen: str, said: dict[str, Any]) -> None:
    event = plain.read(chosen.encode(), datetime(2026, 11, 16, tzinfo=UTC)).event
    assert {name: value for name, value in event.items() if name not in ("id", "occurred_at", "rating")} == said


@pytest.mark.parametrize(
    "chosen", ["reasons=style&rating=up", "up_reasons=clear&reasons=style&rating=5", "up_reasons=clear&rating=2"]
)
def test_a_reason_that_contradicts_the_rating_is_asked_about(chosen: str) -> None:
    """Nothing is dropped in silence, and nothing that contradicts itself is kept: the way back leads to the form."""
    with pytest.raises(values.Unfit, match=re.escape(plain.CONTRADICTION)):
        plain.read(chosen.encode(), datetime(2026, 11, 16, tzinfo=UTC))
