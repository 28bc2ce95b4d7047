"""The commonest feedback, a thumb on an output with perhaps reasons and a comment, spelled out as JSON: the quick way.

It takes what it knows and leaves everything else to `heedback.events`, which has the last word. A test holds the two to
the same event; this way costs the host's thread a third. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from heedback import events, limits, shapes
from heedback.outputs import Output, Tracked
from heedback.shapes import Policy

if TYPE_CHECKING:
    from uuid import UUID

_OUTPUTS: Final = (Output, Tracked)
_FIELDS: Final = frozenset({"reasons", "comment"})
_THUMBS: Final = {"up": (1, frozenset(limits.REASONS["up"])), "down": (0, frozenset(limits.REASONS["down"]))}
_BETWEEN: Final = '","'


def rating(
    about: events.About | str | UUID | None,
    value: object,
    stars: object,
    score: object,
    fields: Mapping[str, Any],
    policy: Policy,
) -> events.Event | str:
    """What `events.rating` makes of it; a plain one already as JSON, without the braces."""
    if value.__class__ is str and value in _THUMBS and stars is score is ... and _FIELDS.issuperset(fields):
        plain = _thumb(about, value, fields, policy)
        if plain is not None:
            return plain
    return events.rating(about, value, stars, score, fields, policy)


def _thumb(about: Any, value: Any, fields: Mapping[str, Any], policy: Policy) -> str | None:
    if about.__class__ not in _OUTPUTS:
        return None
    thumb, known = _THUMBS[value]
    said = (
        f'"type":"feedback","feature":{events.quoted(events.checked_feature(about.feature))},'
        f'"output_id":"{events.checked_id(about.id, about)}",'
        f'"source":"end_user","rating":{{"value":{thumb},"scale":"thumbs"}}'
    )
    if about.user is not None:
        said += f',"user":{events.quoted(about.user)}'
    if "reasons" in fields:
        reasons = fields["reasons"]
        if not reasons or reasons.__class__ is not list or not _are_known(reasons, known):
            return None
        said += f',"reasons":["{_BETWEEN.join(reasons)}"],"reasons_version":{limits.REASONS_VERSION}'
    if "comment" in fields:
        comment = fields["comment"]
        if not isinstance(comment, str):
            return None
        said += f',"comment":{events.quoted(shapes.comment("comment", comment, policy))}'
    return said


def _are_known(reasons: list[Any], known: frozenset[str]) -> bool:
    """And each there once, and text: what cannot be looked up is no reason."""
    try:
        return known.issuperset(reasons) and len(set(reasons)) == len(reasons)
    except TypeError:
        return False
