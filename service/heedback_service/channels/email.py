"""Mail: build a message that every reader can show, and hand it to an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_TIMEOUT_SECONDS: Final = 20.0  # for each answer of the server, not for the whole conversation
_DEFAULT_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_REASON_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one address. `message_id` is the same at every attempt, so that a mail reader can drop a twin."""

    message_id: str
    date: datetime
    sender: str
    recipient: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took it."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Not now: the server is away, busy, or does not like *us* (sign-in, sender), which somebody can put right.

    `brief` is what a log may say: servers quote addresses in their reasons. None: the reason itself.
    """

    reason: str
    brief: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Never: the server will not have this recipient or this message. `brief` as in `TryLater`."""

    reason: str
    brief: str | None = None


Outcome = Sent | TryLater | Refused


def build(mail: Mail) -> EmailMessage:
    """The message with its plain text and its HTML.

    Raises:
        ValueError: `sender` or `recipient` is not one address.
    """
    for name, text in (("From", mail.sender), ("To", mail.recipient)):
        if not is_one_address(one_line(text)):
            raise ValueError(f"{name}: not an address")
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = one_line(mail.sender)
    message["To"] = one_line(mail.recipient)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = mail.date
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def is_one_address(text: str) -> bool:
    """Whether `text` is one address with a domain, with or without a name, and can be written into a header."""
    try:
        header = policy.SMTP.header_factory("From", text)
        header.fold(policy=policy.SMTP)
    except Exception:  # Python's parser leaves by whatever it stumbles over: `a@[b` is an AttributeError
        return False
    return not header.defects and [bool(address.domain) for address in header.addresses] == [True]


def one_line(text: str) -> str:
    """`text` without anything that could start a second header line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def send(message: EmailMessage, url: str) -> Outcome:
    """Hand `message` to the server at `url`: `smtp://`, `smtp+starttls://` or `smtps://[user:password@]host[:port]`."""
    server = urlsplit(url)
    try:
        with closing(_connected(server)) as smtp:
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
            try:
                smtp.send_message(message)
            except smtplib.SMTPNotSupportedError as error:  # an address beyond ASCII
                return Refused(_words(str(error)), type(error).__name__)
            with suppress(OSError, smtplib.SMTPException):  # it has been taken, whatever the goodbye says
                smtp.quit()
    except smtplib.SMTPRecipientsRefused as error:
        (code, said), *_ = error.recipients.values()
        return _by_code(error, code, f"recipient refused: {code} {_words(said)}")
    except smtplib.SMTPDataError as error:
        return _by_code(error, error.smtp_code, f"message refused: {error.smtp_code} {_words(error.smtp_error)}")
    except smtplib.SMTPResponseException as error:
        return TryLater(f"{error.smtp_code} {_words(error.smtp_error)}", _kind(error, error.smtp_code))
    except (OSError, smtplib.SMTPException) as error:
        return TryLater(_words(f"{type(error).__name__}: {error}"), type(error).__name__)
    except ValueError as error:  # a host name or a password that SMTP cannot carry; the error may quote the latter
        return TryLater(type(error).__name__)
    return Sent()


def _connected(server: SplitResult) -> smtplib.SMTP:
    host = server.hostname or "localhost"
    port = server.port or _DEFAULT_PORTS[server.scheme]
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context())
    smtp = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    if server.scheme == "smtp+starttls":
        try:
            smtp.starttls(context=ssl.create_default_context())
        except (OSError, ValueError, smtplib.SMTPException):
            smtp.close()
            raise
    return smtp


def _by_code(error: Exception, code: int, reason: str) -> TryLater | Refused:
    return (TryLater if 400 <= code < 500 else Refused)(reason, _kind(error, code))


def _kind(error: Exception, code: int) -> str:
    return f"{type(error).__name__} {code}"


def _words(said: str | bytes) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return one_line(text)[:_REASON_CHARACTERS]
