"""Every table, in one place to import from; and which of them are global."""

from __future__ import annotations

from heedback_service.store.backlog import Item, ItemEvent, ItemFeedback, ItemKey, ItemPerson
from heedback_service.store.base import Base
from heedback_service.store.corrections import Link, MovedFeedback
from heedback_service.store.evidence import Feedback, FeedbackEvent, Output, OutputText, Signal
from heedback_service.store.projects import (
    Account,
    AccountSession,
    ApiKey,
    ApiKeyIndex,
    Feature,
    Member,
    Project,
    Slice,
)
from heedback_service.store.proposals import Proposal, ProposalRun
from heedback_service.store.rollups import DroppedDay, PersonDay, RollupDay
from heedback_service.store.rounds import Delivery, DigestRun
from heedback_service.store.themes import Candidate, Theme, ThemeRun

# All other tables have primary, unique and foreign keys that start with project_id.
GLOBAL_TABLES = frozenset({"projects", "accounts", "account_sessions", "api_key_index", "alembic_version"})

__all__ = [
    "GLOBAL_TABLES",
    "Account",
    "AccountSession",
    "ApiKey",
    "ApiKeyIndex",
    "Base",
    "Candidate",
    "Delivery",
    "DigestRun",
    "DroppedDay",
    "Feature",
    "Feedback",
    "FeedbackEvent",
    "Item",
    "ItemEvent",
    "ItemFeedback",
    "ItemKey",
    "ItemPerson",
    "Link",
    "Member",
    "MovedFeedback",
    "Output",
    "OutputText",
    "PersonDay",
    "Project",
    "Proposal",
    "ProposalRun",
    "RollupDay",
    "Signal",
    "Slice",
    "Theme",
    "ThemeRun",
]
