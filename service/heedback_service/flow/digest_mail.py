"""A digest as a mail: text and HTML from templates of their own."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parseaddr
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from heedback_service.channels.email import Mail
from heedback_service.core.ids import derived_id
from heedback_service.flow.digest_view import View
from heedback_service.store.tables import Delivery, Project

_BLANK: Final = re.compile(r"\n{3,}")


def mail(view: View, delivery: Delivery, sender: str, date: datetime) -> Mail:
    return Mail(
        message_id=delivery.message_id or "",
        date=date,
        sender=sender,
        recipient=delivery.recipient,
        subject=view.subject,
        text=as_text(view),
        html=as_html(view),
    )


def message_id(project: Project, digest_id: str, period: str, recipient: str, sender: str) -> str:
    """The same at every attempt, and no other installation's: the instant at which the project was made is in it."""
    made = project.created_at.isoformat()
    unique = derived_id("mail", project.slug, made, digest_id, period, recipient)
    return f"<{unique}@{parseaddr(sender)[1].rpartition('@')[2] or 'localhost'}>"


def as_text(view: View) -> str:
    return _BLANK.sub("\n\n", _rendered("mail.txt", view))


def as_html(view: View) -> str:
    return _rendered("mail.html", view)


def _rendered(template: str, view: View) -> str:
    return _templates().get_template(template).render(digest=view)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("heedback_service", "templates/digest"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
