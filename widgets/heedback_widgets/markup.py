"""The element as HTML: what `{{ heedback_rating(out) }}` writes into a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, Self

import heedback
from heedback.tickets import MAY
from heedback_widgets import files, plain
from heedback_widgets.reasons import lists_of

_ADDRESS: Final = re.compile(r"(https?:/)?/[^/]")  # how one begins that the element takes
_ATTRIBUTE: Final = re.compile(r"(?!on)[a-z][a-z0-9_]*")


class Html(str):
    """Text that template engines take as it is: Jinja and Django both ask for `__html__`."""

    __slots__ = ()

    def __html__(self) -> Self:
        return self


def rating(
    out: heedback.Output | heedback.Tracked,
    endpoint: str,
    *,
    may: Sequence[str] | None = None,
    seconds: int | None = None,
    script: bool = True,
    nonce: str | None = None,
    labels: Mapping[str, str] | None = None,
    back: str | None = None,
    fallback: str | None = None,
    **attributes: object,
) -> Html:
    """The element for one output, with the plain form inside, and style and script beside it.

    Args:
        out: the Output, or a `track` block's.
        endpoint: where the adapter is mounted, as browsers see it: `/heedback`. Not the root itself.
        may: what the browser may do, as for `heedback.ticket`; everything by default.
        seconds: how long the ticket holds, a week by default.
        script: False where the page loads both by itself. Several are one: a browser runs a module once.
        nonce: of the page's content security policy, if it asks for one.
        labels: other words for the plain form than those of `locale`; `heedback_widgets.plain.LABELS` has the keys.
        back: the path that the plain form leads back to; by default where the browser says it was.
        fallback: HTML that stands in the place of the plain form, where the app has forms of its own. "" is none: a
            form of the page's that the element stands in would end where the plain one does.
        **attributes: the element's own, such as `mode="stars"` or `privacy_url="/privacy"`. True is an attribute
            without a value, None and False are none; what is no text is written as JSON, as `reasons` takes it.

    Returns:
        The HTML. When the client is disabled nothing could be sent: then it is the fallback, or "".

    Raises:
        ValueError: what is given as an attribute is none, the endpoint or `privacy_url` leads nowhere, or `reasons` are
            none that the element takes.
        TypeError: its value is no text, and cannot be JSON.
    """
    if not _ADDRESS.match(endpoint := endpoint.rstrip("/")):
        raise ValueError(f"endpoint={endpoint!r}: the adapter has to be mounted under a path, such as /heedback")
    privacy = attributes.get("privacy_url")
    if isinstance(privacy, str) and privacy and not _ADDRESS.match(privacy):
        raise ValueError(f"privacy_url={privacy!r}: takes a path from / or an https:// address")
    lists = lists_of(attributes.get("reasons"))
    own = None if fallback is None else _html(fallback)
    ticket = heedback.ticket(out, may=may, seconds=seconds)
    if not ticket:
        return Html(own or "")
    base = f"{endpoint}/static/{files.version()}"
    if own is None:
        verbs = MAY if may is None else may
        stars = attributes.get("mode") == "stars"
        locale = attributes.get("locale")
        spoken = locale if isinstance(locale, str) else None
        own = plain.Form(ticket, out.id, endpoint, verbs, stars, spoken, labels or {}, lists, back).html()
    named = {"id": plain.anchor(out.id), "endpoint": endpoint, "ticket": ticket} | attributes
    element = f"<heedback-rating{''.join(_attribute(*each) for each in named.items())}>{own}</heedback-rating>"
    return Html((_loaded(base, nonce) if script else "") + element)


def _html(text: str) -> str:
    """What a template engine calls safe as it is, all else escaped."""
    return str(text.__html__()) if hasattr(text, "__html__") else escape(text)


def _loaded(base: str, nonce: str | None) -> str:
    secret = "" if nonce is None else f' nonce="{escape(nonce)}"'
    style = f'<link rel="stylesheet" href="{escape(base)}/{files.STYLE}"{secret}>'
    return f'{style}<script type="module" src="{escape(base)}/{files.ELEMENT}"{secret}></script>'


def _attribute(name: str, value: object) -> str:
    if _ATTRIBUTE.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no attribute of the element")
    if value is None or value is False:
        return ""
    dashed = name.replace("_", "-")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f" {dashed}" if value is True else f' {dashed}="{escape(text)}"'
