"""What is stored without the time of its id, because that lay more than a day ahead (`core.ids.tamed`).

Whoever names it later, when our clock has come nearer or has passed it, means what is stored. So intake and browsers
look for both forms of an id; only where it could be there, as nearly no project has any such id.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, exists, or_, select, union

from heedback_service.core.ids import is_ahead, untimed
from heedback_service.core.reference import about, output_of
from heedback_service.flow.memory import Memory
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.tables import Feedback, FeedbackEvent, Output, OutputText, Signal

# Where senders' ids are, each with an index; what is said of an output may come before it does.
_IDS: Final[tuple[Any, ...]] = (Output.id, Signal.id, FeedbackEvent.id, Signal.output_id, OutputText.output_id)
# UUIDv7s without a time: nothing but zeros stands before the digit of the version.
_FIRST: Final = UUID(int=7 << 76)
_END: Final = UUID(int=8 << 76)
_SAID_OF: Final = {f"said_{name}": about(each) for name, each in (("first", _FIRST), ("end", _END))}


def _of_project(column: Any) -> Any:
    return column.class_.project_id == bindparam("project")


_ANY: Final = Direct(
    lambda _: select(
        or_(
            *(
                exists().where(_of_project(column), column >= bindparam("first"), column < bindparam("end"))
                for column in _IDS
            ),
            exists().where(
                _of_project(Feedback.subject),
                Feedback.subject >= bindparam("said_first"),
                Feedback.subject < bindparam("said_end"),
            ),
        )
    )
)
_THESE: Final = Direct(
    lambda dialect: union(
        *(select(column).where(_of_project(column), among(dialect, column, "ids")) for column in _IDS)
    )
)
_SUBJECTS: Final = Direct(
    lambda dialect: select(Feedback.subject).where(
        _of_project(Feedback.subject), among(dialect, Feedback.subject, "subjects")
    )
)


def as_stored(line: Line, project_id: int, ids: Collection[UUID | None], now: int, memory: Memory) -> dict[UUID, UUID]:
    """Those of the ids that are only stored without their time, with what they are stored as; `now` in milliseconds."""
    if _any(line, project_id, now, memory):
        suspects = {each for each in ids if each is not None and each.version == 7}
    else:
        least = now << 80  # a quick no for nearly all
        suspects = {each for each in ids if each is not None and each.int > least and is_ahead(each, now)}
    if not suspects:
        return {}
    forms = {each: untimed(each) for each in suspects}
    wanted = list({*forms, *forms.values()})
    found = {its_id for (its_id,) in _THESE.rows(line, project=project_id, ids=wanted)}
    said = _SUBJECTS.rows(line, project=project_id, subjects=list(map(about, wanted)))
    found |= {output_id for (subject,) in said if (output_id := output_of(subject))}
    return {each: form for each, form in forms.items() if form in found and each not in found}


def _any(line: Line, project_id: int, now: int, memory: Memory) -> bool:
    """Whether the project has any id without a time, as was seen lately.

    That is soon enough. What another process stores without its time lies more than a day ahead; until it lies behind
    us, a day later, `is_ahead` has it looked for in any case.
    """
    known = memory.untimed(project_id, now)
    if known is None:
        [(known,)] = _ANY.rows(line, project=project_id, first=_FIRST, end=_END, **_SAID_OF)
        memory.keep_untimed(project_id, now, there=bool(known))
    return bool(known)
