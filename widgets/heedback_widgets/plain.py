"""The plain form inside the element, for browsers that run no script: its HTML, and what it sends.

It works through an app alone: `POST {endpoint}/form`, answered with the way back to its page. Pure.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from html import escape
from operator import getitem
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from heedback.limits import COMMENT_CHARS, CORRECTION_CHARS, MAX_REASONS, REASONS, polarity
from heedback_widgets.reasons import Reasons
from heedback_widgets.values import Unfit
from heedback_widgets.words import ENGLISH, words

FORM: Final = ("application/x-www-form-urlencoded",)
# What `labels` may say otherwise, and where the element's words have it.
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    **{key: (key,) for key in ("up", "down", "flag", "comment", "correction", "send", "saved")},
    "stars": ("star",),
    "more": ("details",),
    "reasons": ("why", "down"),
    "up_reasons": ("why", "up"),
    "flag_reasons": ("flag",),
    **{key: ("reasons", "down", key) for key in REASONS["down"]},
}
_MOST_FIELDS: Final = 3 * MAX_REASONS + 16
_LOCAL: Final = re.compile(r"/(?![/\\])[!-~]*")  # a path of this host, in printable ASCII
_THUMBS: Final = {"up": 1, "down": 0}
# The fields of the lists of reasons, what each is for, and what a ticket must allow.
_LISTS: Final = (("reasons", "down", "rate"), ("up_reasons", "up", "rate"), ("flag_reasons", "flag", "flag"))
CONTRADICTION: Final = "The rating contradicts a reason that is ticked: please go back, and leave one of them out."
_VERSION: Final = re.compile(r"[0-9]{1,9}")


class Filled(NamedTuple):
    """What a form says: an event as the element would send it, `empty` when nothing was filled in."""

    ticket: str
    event: dict[str, Any]
    empty: bool
    back: str | None


def read(body: bytes, now: datetime) -> Filled:
    """The form in a body, filled in `now`. Raises Unfit."""
    try:
        given = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Unfit(f"The body is no form: {error}") from None
    fields = {name: given_values[-1].replace("\r\n", "\n") for name, given_values in given.items()}
    said = _said(fields, given)
    event = {"id": str(_new_id(now)), "occurred_at": now.isoformat(), **said}
    return Filled(fields.get("ticket", ""), event, not said, fields.get("back"))


def _new_id(now: datetime) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): the element tells by it which word is the newer one."""
    value = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return UUID(int=value & ~(0xF000 << 64 | 0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


def _said(fields: Mapping[str, str], given: Mapping[str, list[str]]) -> dict[str, Any]:
    said: dict[str, Any] = {name: fields[name] for name in ("comment", "correction") if fields.get(name, "").strip()}
    if flag_reasons := given.get("flag_reasons"):
        said["flag_reasons"] = flag_reasons
    if flag_reasons or fields.get("flag"):  # who says what the harm is reports it
        said["flag"] = True
    if rated := fields.get("rating"):
        said["rating"] = _rating(rated)
    if reasons := _reasons(said.get("rating"), given):
        said["reasons"] = reasons
    if (version := fields.get("reasons_version")) and not said.keys().isdisjoint(("reasons", "flag_reasons")):
        said["reasons_version"] = _version(version)
    return said


def _reasons(rated: Mapping[str, Any] | None, given: Mapping[str, list[str]]) -> list[str]:
    """All that were ticked. What contradicts the rating is neither kept nor dropped: the person knows which holds."""
    good, bad = given.get("up_reasons", []), given.get("reasons", [])
    pole = 0 if rated is None else polarity(rated["value"], rated["scale"])
    if (bad and pole > 0) or (good and pole < 0):
        raise Unfit(CONTRADICTION, "reasons")
    return list(dict.fromkeys(bad + good))


def _version(given: str) -> int:
    if _VERSION.fullmatch(given) is None:
        raise Unfit("Not a valid number.", "reasons_version")
    return int(given)


def _rating(given: str) -> dict[str, Any]:
    if given in _THUMBS:
        return {"value": _THUMBS[given], "scale": "thumbs"}
    if given in ("1", "2", "3", "4", "5"):
        return {"value": int(given), "scale": "stars"}
    raise Unfit("Must be up, down, or 1 to 5.", "rating")


def way_back(given: str | None, referrer: str | None, host: str | None) -> str:
    """Where the form came from: what it says, else what the browser says, else the start page. Never another host."""
    try:
        came = urlsplit(referrer or "")
    except ValueError:  # it is no address
        came = urlsplit("")
    query = f"?{came.query}" if came.query else ""
    seen = f"{came.path}{query}" if host and came.netloc.lower() == host.lower() else ""
    paths = (path.partition("#")[0] for path in (given, seen) if path)
    return next((path for path in paths if _LOCAL.fullmatch(path)), "/")


def anchor(output_id: str) -> str:
    """The id of the element of an output."""
    return f"heedback-{output_id}"


def saved_anchor(output_id: str) -> str:
    """The id of what is shown after something was saved."""
    return f"heedback-saved-{output_id}"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one output. It has only what `may` allows.

    Its words are those of `locale`, a BCP 47 tag, or English; `labels` says some of them otherwise.
    """

    ticket: str
    output_id: str
    endpoint: str
    may: Collection[str]
    stars: bool
    locale: str | None
    labels: Mapping[str, str]
    reasons: Reasons
    back: str | None

    def html(self) -> str:
        words = f'class="heedback-saved" role="status" hidden>{self._label("saved")}'
        note = f'<p id="{escape(saved_anchor(self.output_id))}" {words}</p>'
        inside = f"<div{self._language()}>{note}{self._form()}</div>"
        # A form ends the paragraph that it stands in, and would fall out of it, and out of the element: but not out of
        # an object (HTML, "has a p element in button scope"), which without data shows what stands in it.
        return f'<object class="heedback-plain">{inside}</object>'

    def _language(self) -> str:
        """Which one, for the page's may be another; none where an app has labels of its own and does not say."""
        if self.labels and self.locale is None:
            return ""
        return f' lang="{escape(self._words["lang"])}" dir="{escape(self._words["dir"])}"'

    @property
    def _words(self) -> Mapping[str, Any]:
        return words(ENGLISH if self.locale is None else self.locale)

    def _form(self) -> str:
        """One form: what was written goes along, whichever button is pressed."""
        buttons, details = self._buttons(), self._details()
        if not buttons and not details:
            return ""
        # Return in a field presses a form's first button (HTML, "implicit submission"), which must not rate. The style
        # takes it out of sight, and not out of the layout: WebKit presses none that is not rendered, but the next one.
        first = f'<button class="heedback-first" tabindex="-1" aria-hidden="true">{self._label("send")}</button>'
        inside = f"{first if buttons and details else ''}{buttons}{details}"
        hidden = {"ticket": self.ticket} | ({} if self.back is None else {"back": self.back})
        fields = "".join(_hidden(name, value) for name, value in hidden.items())
        return f'<form method="post" action="{escape(self.endpoint)}/form">{fields}{inside}</form>'

    def _buttons(self) -> str:
        values = [str(n) for n in range(1, 6)] if self.stars else list(_THUMBS)
        shown = [("rating", n, self._label("stars", n) if self.stars else self._label(n)) for n in values]
        shown = (shown if "rate" in self.may else []) + [("flag", "on", self._label("flag"))] * ("flag" in self.may)
        return "".join(f'<button name="{name}" value="{value}">{label}</button> ' for name, value, label in shown)

    def _details(self) -> str:
        shown = [(field, kind) for field, kind, verb in _LISTS if verb in self.may and self.reasons.lists[kind]]
        parts = [self._choice(field, kind) for field, kind in shown]
        parts += [_hidden("reasons_version", str(self.reasons.version))] if shown and "rate" in self.may else []
        parts += [self._area("comment", COMMENT_CHARS)] if {"rate", "flag"} & set(self.may) else []
        parts += [self._area("correction", CORRECTION_CHARS)] if "correct" in self.may else []
        button = f"<button>{self._label('send')}</button>"
        summary = f"<summary>{self._label('more')}</summary>"
        return f"<details>{summary}{''.join(parts)}{button}</details>" if parts else ""

    def _choice(self, field: str, kind: str) -> str:
        """A list of reasons. What an app calls a key in it comes first, then what it calls it in the plain form."""
        usual: Mapping[str, str] = self._words["reasons"][kind] | (dict(self.labels) if kind == "down" else {})
        named = ((key, text or usual.get(key, key)) for key, text in self.reasons.lists[kind].items())
        boxes = (f'<input type="checkbox" name="{field}" value="{key}"> {escape(text)}' for key, text in named)
        labelled = "".join(f"<label>{box}</label> " for box in boxes)
        return f"<fieldset><legend>{self._label(field)}</legend>{labelled}</fieldset>"

    def _area(self, name: str, most: int) -> str:
        area = f'<textarea name="{name}" rows="3" maxlength="{most}"></textarea>'
        return f"<p><label>{self._label(name)}<br>{area}</label></p>"

    def _label(self, key: str, n: str = "") -> str:
        own = self.labels.get(key)
        if own is not None:
            return escape(own.replace("{n}", n))
        found: Any = reduce(getitem, LABELS[key], self._words)
        return escape(found.replace("N", n, 1) if n else found)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'
