"""A digest's numbers as sentences. Every number says what it is out of, and when it is too small to mean much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from heedback_service.core.statistics import Interval, wilson
from heedback_service.core.wording import count, listed, people, percent, span, weekday

TOO_FEW: Final = 20  # outputs; with 19, the 95 % interval of a share can be 41 points wide

Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number to be set large, what it means, and what it is out of."""

    value: str
    meaning: str
    detail: str


def headline(content: Numbers) -> str:
    """`31 new, 5 need you`: new items of the week, and items that wait for a decision, however old."""
    new, waiting, rated = content["new_items"], content["undecided"], content["week"]["rated"]
    if not new and not waiting:
        raters = content["week"]["raters"]
        said = f"{people(raters)} rated" if raters else f"{count(rated, 'rating')}"
        return f"{said}, nothing to decide" if rated else "nobody rated anything"
    first = f"{new:,} new" if new else "nothing new"
    if not waiting:
        return f"{first}, nothing to decide"
    return f"{first}, {waiting:,} {'needs' if waiting == 1 else 'need'} you"


def summary(content: Numbers) -> str:
    new, waiting = content["new_items"], content["undecided"]
    said = count(new, "new item") if new else "No new items"
    if not waiting:
        return f"{said}, nothing to decide."
    return f"{said}; {count(waiting, 'item')} {'needs' if waiting == 1 else 'need'} a decision."


def quiet(content: Numbers, dates: str) -> str | None:
    """What to say of a week without a single rating; None if there was one."""
    week = content["week"]
    if week["rated"]:
        return None
    nobody = f"Nobody rated anything in the week of {dates}."
    if week["outputs"]:
        to = f" to {people(week['people'])}" if week["people"] else ""
        return f"{nobody} {count(week['outputs'], 'output')} {'was' if week['outputs'] == 1 else 'were'} shown{to}."
    return f"{nobody} No outputs arrived either; if people used your features, check that the SDK gets through."


def figures(content: Numbers) -> list[Figure]:
    return [figure for figure in (_down(content), _raters(content), _look(content)) if figure]


def rate(down: int, rated: int, outputs: int) -> str:
    """`4.4 % of 412 outputs rated down`, or the bare counts if they are too few."""
    if not rated:
        return "not rated"
    if outputs < TOO_FEW:
        return f"{down:,} of {count(outputs, 'output')} rated down, too few to say"
    return f"{percent(share(down, outputs))} of {outputs:,} outputs rated down"


def rate_before(outputs: int, down_before: int, outputs_before: int) -> str | None:
    """What to compare this week's rate with; None if either week has too few outputs for a comparison."""
    if min(outputs, outputs_before) < TOO_FEW:
        return None
    return f"was {percent(share(down_before, outputs_before))} of {outputs_before:,}"


def share(down: int, outputs: int) -> float:
    """The part of the outputs that somebody rated down; never above 1, though the oldest digests kept ratings."""
    return min(down, outputs) / outputs


def praise(content: Numbers) -> str | None:
    """`38 ratings up from 21 people; one of them gave 13`: somebody who gives a third of it all is told."""
    given = content["praise"]
    if not given["up"]:
        return None
    if not given["people"]:
        return f"{count(given['up'], 'rating')} up, from people without a name."
    said = f"{count(given['up'], 'rating')} up from {people(given['people'])}"
    loud = given["people"] > 1 and given["loudest"] >= 3 and given["loudest"] * 4 >= given["up"]
    return f"{said}; one of them gave {given['loudest']:,}." if loud else f"{said}."


def facts(line: Numbers) -> str:
    """`14 people, 3.2 times its usual week, since prompt v13`."""
    said = [people(line["people"]), line["trend"], f"since {line['since']}" if line["since"] else None]
    return ", ".join(part for part in said if part)


def declined(n: int) -> str | None:
    return f"{count(n, 'item')} {'was' if n == 1 else 'were'} declined." if n else None


def decided(content: Numbers) -> str | None:
    n = content["settled"]["decided"]
    return f"{count(n, 'item')} got a decision." if n else None


def gaps(content: Numbers) -> list[str]:
    """What is missing from the numbers, or too little to be read."""
    found = []
    holes = [day for day in content["days"] if day["dropped"]]
    if holes:
        at_most = count(sum(day["dropped"] for day in holes), "event")
        whose = "that day's numbers are" if len(holes) == 1 else "those days' numbers are"
        found.append(f"SDKs had to drop up to {at_most} on {_days(holes)}: {whose} incomplete.")
    if unlinked := content["week"]["unlinked"]:
        found.append(f"{count(unlinked, 'piece')} of feedback came for outputs that never came; no rate counts them.")
    if content["week"]["rated"] and (few := _few(content)):
        found.append(few)
    return found


def _down(content: Numbers) -> Figure | None:
    week, before = content["week"], content["week_before"]
    down, outputs = week["down"], week["outputs"]
    if not week["rated"]:
        return None
    ratings = count(week["rated"], "rating")
    if outputs < TOO_FEW:
        detail = f"Too few to say: a rate needs {TOO_FEW} outputs. {ratings} in all."
        return Figure(f"{down:,} of {outputs:,}", "output rated down" if outputs == 1 else "outputs rated down", detail)
    sure = wilson(min(down, outputs), outputs)
    detail = f"{down:,} of {outputs:,} outputs, 95\u00a0% interval {percent(sure.low)} to {percent(sure.high)}."
    detail += f" {ratings} in all."
    was = rate_before(outputs, before["down"], before["outputs"])
    if was is None:
        detail += " Too few outputs the week before to compare."
        return Figure(percent(share(down, outputs)), "of outputs rated down", detail)
    change = _change(sure, wilson(min(before["down"], before["outputs"]), before["outputs"]))
    return Figure(percent(share(down, outputs)), f"of outputs rated down, {was}", f"{detail} {change}")


def _change(now: Interval, then: Interval) -> str:
    if now.low > then.high:
        return "Clearly more than the week before."
    if now.high < then.low:
        return "Clearly less than the week before."
    return "The difference to the week before can be chance."


def _raters(content: Numbers) -> Figure | None:
    week, before = content["week"], content["week_before"]
    if not week["raters"]:
        return None
    said = "person rated" if week["raters"] == 1 else "people rated"
    then = f"{before['raters']:,} of {before['people']:,}" if before["raters"] else "nobody"
    detail = f"The week before: {then}."
    return Figure(f"{week['raters']:,}", f"{said}, of {week['people']:,} who were shown an output", detail)


def _look(content: Numbers) -> Figure | None:
    now, then = content["first_look"], content["first_look_before"]
    if now["hours"] is None:
        return None
    was = f", was {span(then['hours'])}" if then["hours"] is not None else ""
    detail = f"Median of {count(now['items'], 'item')}"
    detail += f"; of {then['items']:,} the week before." if then["items"] else "; none the week before."
    return Figure(span(now["hours"]), f"to a first look{was}", detail)


def _few(content: Numbers) -> str | None:
    few = [day for day in content["days"] if day["outputs"] < TOO_FEW]
    if not few:
        return None
    if len(few) == len(content["days"]):
        return f"No day had {TOO_FEW} outputs: too few to say anything about single days."
    return f"Fewer than {TOO_FEW} outputs on {_days(few)}: too few to say anything about {_those(few)}."


def _those(days: list[Numbers]) -> str:
    return "that day" if len(days) == 1 else "those days"


def _days(days: list[Numbers]) -> str:
    return listed([weekday(date.fromisoformat(day["day"])) for day in days])
