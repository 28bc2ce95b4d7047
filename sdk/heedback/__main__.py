"""`python -m heedback`: what an app's SDK has captured and not delivered yet, and whether it could be.

Exit status: 0 all is well; 1 something is not, and said; 2 the command could not be carried out.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from heedback import upkeep
from heedback.errors import HeedbackError
from heedback.options import Options, resolve
from heedback.place import default_path
from heedback.refuge import MEMORY
from heedback.transport import ANSWER_SECONDS, CONNECT_SECONDS, HttpTransport

_FINE: Final = 0
_TROUBLE: Final = 1
_IMPOSSIBLE: Final = 2
_STATUSES: Final = "Exit status: 0 all is well; 1 something is not, and said; 2 the command could not be carried out."
_UNITS: Final = ((24 * 3600.0, "days"), (3600.0, "hours"), (60.0, "minutes"))

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    logging.getLogger("heedback").addHandler(logging.NullHandler())  # what the SDK warns of is said here
    arguments = _parser().parse_args(words)
    run: Callable[[Arguments], int] = arguments.run
    try:
        return run(arguments)
    except HeedbackError as error:
        print(f"heedback: {_printable(str(error))}", file=sys.stderr)
        return _TROUBLE if isinstance(error, upkeep.NoSpoolError) else _IMPOSSIBLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m heedback", description="Look after the SDK of an app.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    spool = commands.add_parser(
        "spool",
        help="what is captured and not delivered yet",
        description="What the SDK of an app has captured and not delivered yet lies in a file, the spool. "
        "Look after it while the app runs or after it has ended, as the app's user and in its environment.",
        epilog=_STATUSES,
    ).add_subparsers(metavar="COMMAND", required=True)
    _spool_command(spool, "status", _status, "how many events wait, for how long, and where", "Changes nothing.")
    flush = _spool_command(
        spool, "flush", _flush, "send what waits, now and from here",
        'Ends when all of it is settled, or at the first answer that says "not now", with the reason.',
    )  # fmt: skip
    flush.add_argument("--timeout", type=seconds, default=60.0, metavar="SECONDS", help="at most this long (60)")
    dead = _spool_command(
        spool, "dead", _dead, "list what the service rejected, with its reasons",
        "The oldest first. What people wrote is not shown, unless you say --text.",
    )  # fmt: skip
    dead.add_argument("--text", action="store_true", help="with everything that the events say")
    retry = _spool_command(
        spool, "retry", _retry, "put what the service rejected back in line, once the cause is gone",
        "It keeps its ids, so that nothing is stored twice. What is rejected again is dead again.",
    )  # fmt: skip
    retry.add_argument(
        "ids", nargs="*", metavar="ID", help="only the events of these ids, as `dead` lists them; else all"
    )
    retry.add_argument("--reason", metavar="WORDS", help="only those with these words in their reasons")
    drop = _spool_command(
        spool, "drop", _drop, "forget what the service rejected, for good",
        "What people wrote is overwritten on the disk.",
    )  # fmt: skip
    drop.add_argument("--all", action="store_true", help="forget what waits to be sent too: it is lost to the service")
    drop.add_argument("--yes", action="store_true", help="with --all: it is meant")
    asked = commands.add_parser("ping", help="is the way to the service open?", description="Tell what is wrong.")
    asked.add_argument("--json", action="store_true", help="as JSON")
    asked.set_defaults(run=_ping)
    return parser


def _spool_command(
    spool: Any, name: str, run: Callable[[Arguments], int], words: str, more: str
) -> argparse.ArgumentParser:
    what = f"{words[0].upper()}{words[1:]}. {more}"
    command: argparse.ArgumentParser = spool.add_parser(name, help=words, description=what, epilog=_STATUSES)
    where = "the spool's file; else HEEDBACK_SPOOL, else the one of HEEDBACK_URL and HEEDBACK_KEY"
    command.add_argument("--spool", metavar="FILE", help=where)
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=run)
    return command


def seconds(words: str) -> float:
    """What the command line says of a time; argparse names this function where it is none."""
    number = float(words)
    if not number >= 0:  # NaN is not
        raise ValueError
    return number


def _status(arguments: Arguments) -> int:
    facts = upkeep.status(_path(arguments), time.time())
    _tell(arguments, facts, _status_lines)
    return _FINE


def _status_lines(facts: dict[str, Any]) -> list[str]:
    if not facts["exists"]:
        return [f"spool    {facts['path']}: there is no such file, {upkeep.NOTHING_YET}"]
    dropped = ", ".join(f"{n} {reason}" for reason, n in facts["dropped"].items())
    on_way = f"{facts['sending']:,} on their way, {facts['aside']:,} put aside"
    ages = _old("oldest", facts["oldest_seconds"]) + _old("newest", facts["newest_seconds"])
    return [
        f"spool    {facts['path']}",
        f"mode     {facts['mode']}{_openness(facts['mode'])}, {facts['bytes']:,} bytes",
        f"waiting  {facts['pending']:,}{ages}",
        *([f"         {facts['feedback']:,} of them feedback, {on_way}"] if facts["pending"] else []),
        f"dead     {facts['dead']:,}{_old('oldest', facts['dead_oldest_seconds'])}",
        f"held     {facts['held']:,} texts that wait for a rating{_old('oldest', facts['held_oldest_seconds'])}",
        f"dropped  {dropped or 'nothing'} that the service was not told of yet",
    ]


def _flush(arguments: Arguments) -> int:
    options = _options()
    if options is None:
        raise HeedbackError("where to? Set HEEDBACK_URL and HEEDBACK_KEY")
    patience = max(arguments.timeout, 0.1)
    transport = HttpTransport(options.url, options.key, (min(CONNECT_SECONDS, patience), min(ANSWER_SECONDS, patience)))
    told = upkeep.flush(_path(arguments), transport, arguments.timeout)
    transport.close()
    _tell(arguments, told, _flush_lines)
    return _FINE if told["problem"] is None and not told["rejected"] else _TROUBLE


def _flush_lines(told: dict[str, Any]) -> list[str]:
    known = f" ({told['duplicates']:,} of them the service had already)" if told["duplicates"] else ""
    lines = [f"{told['delivered']:,} delivered{known}, {told['pending']:,} still waiting"]
    if told["rejected"]:
        lines.append(
            f"{told['rejected']:,} rejected: see python -m heedback spool dead, and retry once the cause is gone"
        )
    if told["problem"]:
        lines.append(f"stopped: {told['problem']}")
    return lines


def _dead(arguments: Arguments) -> int:
    events = upkeep.dead(_path(arguments), text=arguments.text)
    _tell(arguments, events, lambda events: [line for event in events for line in _dead_lines(event)] or ["none"])
    return _FINE


def _dead_lines(event: dict[str, Any]) -> list[str]:
    told = upkeep.in_words(event["reasons"])
    what = f"{event['bytes']:,} bytes" if "bytes" in event else f"{event['type']}  {event['feature']}  {event['id']}"
    head = f"{event['rejected_at']}  {what}"
    text = [f"    {json.dumps(event['event'], ensure_ascii=False)}"] if "event" in event else []
    return [head, *(f"    {each}" for each in told), *text]


def _retry(arguments: Arguments) -> int:
    told = upkeep.retry(_path(arguments), time.time(), ids=set(arguments.ids), reason=arguments.reason)
    _tell(arguments, told, _retry_lines)
    return _TROUBLE if told["unknown"] else _FINE


def _retry_lines(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['retried']:,} back in line, {told['dead']:,} still dead"]
    if told["unreadable"]:
        lines.append(f"{told['unreadable']:,} of the dead hold no event and cannot be sent")
    lines += [f"no dead event has the id {each}" for each in told["unknown"]]
    if told["retried"]:
        lines.append(
            "an app that runs sends them within half a minute; so does python -m heedback spool flush, at once"
        )
    return lines


def _drop(arguments: Arguments) -> int:
    path = _path(arguments)
    if arguments.all and not arguments.yes:
        upkeep.require(path)
        waiting = upkeep.status(path, time.time())["pending"]
        raise HeedbackError(f"{waiting:,} events wait in {path} and would be lost; say --yes if that is meant")
    gone = upkeep.drop(path, time.time(), everything=arguments.all)
    _tell(arguments, gone, lambda gone: _drop_lines(gone, arguments.all))
    return _FINE


def _drop_lines(gone: dict[str, int], everything: bool) -> list[str]:
    lines = [f"dropped {gone['dead']:,} that the service had rejected"]
    if everything:
        lines.append(f"dropped {gone['pending']:,} that waited, and {gone['held']:,} texts that waited for a rating")
    if gone["sending"]:
        lines.append(f"left {gone['sending']:,} that an app is sending just now")
    return lines


def _ping(arguments: Arguments) -> int:
    from heedback.ping import ping

    def say(state: str, about: str, words: str) -> None:
        if not arguments.json:
            print(
                _printable(f"{state:<5}  {about:<10}  {words}"), flush=True
            )  # as it is found: the network may be slow

    findings = []
    waits = partial(say, "wait", "connection")
    for finding in ping(os.environ.get("HEEDBACK_URL"), os.environ.get("HEEDBACK_KEY"), waits=waits):
        say("ok" if finding.fine else "WRONG", finding.about, finding.says)
        findings.append(finding)
    fine = all(finding.fine for finding in findings)
    if arguments.json:
        print(json.dumps({"fine": fine, "findings": [asdict(finding) for finding in findings]}))
    return _FINE if fine else _TROUBLE


def _path(arguments: Arguments) -> str:
    """The spool that is meant, found as a client finds it."""
    path = arguments.spool or os.environ.get("HEEDBACK_SPOOL")
    if not path:
        options = _options()
        if options is None:
            raise HeedbackError("which spool? Name it with --spool FILE, or set HEEDBACK_URL and HEEDBACK_KEY")
        path = default_path(options.url, options.kid)
    if path == MEMORY:
        raise HeedbackError("the spool is in the memory of the app's own process: only heedback.stats() sees it")
    return str(path)


def _options() -> Options | None:
    return resolve(None, None)


def _tell(arguments: Arguments, facts: Any, lines: Callable[[Any], list[str]]) -> None:
    if arguments.json:
        print(json.dumps(facts))
    else:
        print("\n".join(_printable(line) for line in lines(facts)))


def _printable(line: str) -> str:
    """What a service or a person wrote must not steer the terminal."""
    return "".join(each if each.isprintable() else " " for each in line)


def _openness(mode: str) -> str:
    return " (not private)" if int(mode, 8) & 0o077 and os.name != "nt" else ""


def _old(which: str, seconds: float | None) -> str:
    if seconds is None:
        return ""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), (1.0, "seconds"))
    return f", the {which} {seconds / size:.0f} {unit} old"


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a letter of somebody's comment
    sys.exit(main())
