"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from heedback_service.store.base import Json, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
    )
    op.create_table(
        "dropped_day",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", "reason", name=op.f("pk_dropped_day")),
    )
    op.create_table(
        "feedback",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("person_key", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("output_id", sa.Uuid(), nullable=True),
        sa.Column("slice_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rating_value", sa.Double(), nullable=True),
        sa.Column("rating_scale", sa.String(), nullable=True),
        sa.Column("polarity", sa.Integer(), nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=False),
        sa.Column("flag_reasons", Json, nullable=True),
        sa.Column("reasons", Json, nullable=True),
        sa.Column("reasons_version", sa.Integer(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.Column("correction", sa.String(), nullable=True),
        sa.Column("asked", sa.Boolean(), nullable=True),
        sa.Column("surface", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("extra", Json, nullable=True),
        sa.Column("context", Json, nullable=True),
        sa.Column("stamps", Json, nullable=False),
        sa.Column("first_at", UTCDateTime(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("retracted", sa.Boolean(), nullable=False),
        sa.Column("spam", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("triaged_at", UTCDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_feedback")),
        sa.UniqueConstraint(
            "project_id",
            "subject",
            "person_key",
            "source",
            name=op.f("uq_feedback_project_id_subject_person_key_source"),
        ),
    )
    op.create_index(
        op.f("ix_feedback_project_id_feature_id_changed_at"),
        "feedback",
        ["project_id", "feature_id", "changed_at"],
        unique=False,
        sqlite_where=sa.text("triaged_at IS NULL"),
        postgresql_where=sa.text("triaged_at IS NULL"),
    )
    op.create_index(op.f("ix_feedback_project_id_last_at"), "feedback", ["project_id", "last_at"], unique=False)
    op.create_table(
        "feedback_events",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.String(), nullable=True),
        sa.Column("span_id", sa.String(), nullable=True),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("order_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_feedback_events")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_feedback_events_project_id_feedback_id"),
        "feedback_events",
        ["project_id", "feedback_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_feedback_events_project_id_ref_span_id_feature_id"),
        "feedback_events",
        ["project_id", "ref", "span_id", "feature_id"],
        unique=False,
        sqlite_where=sa.text("ref IS NOT NULL"),
        postgresql_where=sa.text("ref IS NOT NULL"),
    )
    op.create_table(
        "output_text",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("output_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("input", sa.String(), nullable=True),
        sa.Column("output", sa.String(), nullable=True),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "output_id", name=op.f("pk_output_text")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_output_text_project_id_received_at"), "output_text", ["project_id", "received_at"], unique=False
    )
    op.create_table(
        "outputs",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slice_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("span_id", sa.String(), nullable=True),
        sa.Column("response_id", sa.String(), nullable=True),
        sa.Column("join_key", sa.String(), nullable=True),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("latency_us", sa.BigInteger(), nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cost_nano", sa.BigInteger(), nullable=True),
        sa.Column("error_type", sa.String(), nullable=True),
        sa.Column("finish_reasons", Json, nullable=True),
        sa.Column("probe", sa.Boolean(), nullable=False),
        sa.Column("extra", Json, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_outputs")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_outputs_project_id_join_key"),
        "outputs",
        ["project_id", "join_key"],
        unique=False,
        postgresql_where=sa.text("join_key IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_outputs_project_id_response_id"),
        "outputs",
        ["project_id", "response_id"],
        unique=False,
        postgresql_where=sa.text("response_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_outputs_project_id_slice_id_day"), "outputs", ["project_id", "slice_id", "day"], unique=False
    )
    op.create_index(
        op.f("ix_outputs_project_id_trace_id"),
        "outputs",
        ["project_id", "trace_id"],
        unique=False,
        postgresql_where=sa.text("trace_id IS NOT NULL"),
    )
    op.create_table(
        "person_day",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slice_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("outputs", sa.Integer(), nullable=False),
        sa.Column("rated", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", "slice_id", "person", name=op.f("pk_person_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("purged_before", sa.Date(), nullable=True),
        sa.Column("texts_sifted_until", UTCDateTime(), nullable=True),
        sa.Column("last_item_number", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("slug", name=op.f("uq_projects_slug")),
    )
    op.create_table(
        "rollup_day",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slice_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("outputs", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("timed", sa.Integer(), nullable=False),
        sa.Column("latency_us", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_nano", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("copied", sa.Integer(), nullable=False),
        sa.Column("edited", sa.Integer(), nullable=False),
        sa.Column("regenerated", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("dismissed", sa.Integer(), nullable=False),
        sa.Column("rated", sa.Integer(), nullable=False),
        sa.Column("up", sa.Integer(), nullable=False),
        sa.Column("neutral", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.Integer(), nullable=False),
        sa.Column("unlinked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", "slice_id", "shard", name=op.f("pk_rollup_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signals",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("output_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("occurred_at", UTCDateTime(), nullable=False),
        sa.Column("extra", Json, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_signals")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_signals_project_id_occurred_at"), "signals", ["project_id", "occurred_at"], unique=False)
    op.create_index(op.f("ix_signals_project_id_output_id"), "signals", ["project_id", "output_id"], unique=False)
    op.create_table(
        "account_sessions",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_account_sessions")),
    )
    op.create_index(op.f("ix_account_sessions_account_id"), "account_sessions", ["account_id"], unique=False)
    op.create_table(
        "api_key_index",
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_api_key_index_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_api_key_index")),
    )
    op.create_table(
        "api_keys",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("ticket_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_api_keys_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "kid", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "digest_runs",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("digest_id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("planned_at", UTCDateTime(), nullable=False),
        sa.Column("written_at", UTCDateTime(), nullable=True),
        sa.Column("content", Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_digest_runs_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "digest_id", "period", name=op.f("pk_digest_runs")),
    )
    op.create_table(
        "features",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("technical_owner", sa.String(), nullable=True),
        sa.Column("workflow_owner", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_features_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_features")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_features_project_id_name")),
    )
    op.create_table(
        "members",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("digest", sa.Boolean(), server_default=sa.text("(true)"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_members_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_members_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "account_id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_account_id"), "members", ["account_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("digest_id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("sent_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "digest_id", "period"],
            ["digest_runs.project_id", "digest_runs.digest_id", "digest_runs.period"],
            name=op.f("fk_deliveries_project_id_digest_id_period"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "digest_id", "period", "recipient", name=op.f("pk_deliveries")),
    )
    op.create_table(
        "items",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_by", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("category_why", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("severity_why", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("factors", Json, nullable=False),
        sa.Column("prioritised_at", UTCDateTime(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("feedback_count", sa.Integer(), nullable=False),
        sa.Column("first_at", UTCDateTime(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("assignee", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("resolved_in", sa.String(), nullable=True),
        sa.Column("snoozed_until", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "feature_id"],
            ["features.project_id", "features.id"],
            name=op.f("fk_items_project_id_feature_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_items_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_items")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_items_project_id_number")),
    )
    op.create_index(
        op.f("ix_items_project_id_state_priority"), "items", ["project_id", "state", "priority"], unique=False
    )
    op.create_table(
        "slices",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("request_model", sa.String(), nullable=True),
        sa.Column("response_model", sa.String(), nullable=True),
        sa.Column("system_fingerprint", sa.String(), nullable=True),
        sa.Column("prompt_name", sa.String(), nullable=True),
        sa.Column("prompt_version", sa.String(), nullable=True),
        sa.Column("app_version", sa.String(), nullable=True),
        sa.Column("environment", sa.String(), nullable=True),
        sa.Column("surface", sa.String(), nullable=True),
        sa.Column("user_group", sa.String(), nullable=True),
        sa.Column("overflow", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "feature_id"],
            ["features.project_id", "features.id"],
            name=op.f("fk_slices_project_id_feature_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_slices")),
    )
    op.create_index(op.f("ix_slices_project_id_feature_id"), "slices", ["project_id", "feature_id"], unique=False)
    op.create_table(
        "item_events",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("before", Json, nullable=False),
        sa.Column("after", Json, nullable=False),
        sa.Column("undoes", sa.Uuid(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "item_id"],
            ["items.project_id", "items.id"],
            name=op.f("fk_item_events_project_id_item_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_item_events")),
    )
    op.create_index(
        op.f("ix_item_events_project_id_item_id_id"), "item_events", ["project_id", "item_id", "id"], unique=False
    )
    op.create_table(
        "item_feedback",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("grouping_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "item_id"],
            ["items.project_id", "items.id"],
            name=op.f("fk_item_feedback_project_id_item_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "feedback_id", name=op.f("pk_item_feedback")),
    )
    op.create_index(
        op.f("ix_item_feedback_project_id_item_id"), "item_feedback", ["project_id", "item_id"], unique=False
    )
    op.create_table(
        "item_keys",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "item_id"],
            ["items.project_id", "items.id"],
            name=op.f("fk_item_keys_project_id_item_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "feature_id", "key", "feedback_id", name=op.f("pk_item_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_item_keys_project_id_feedback_id"), "item_keys", ["project_id", "feedback_id"], unique=False
    )
    op.create_index(op.f("ix_item_keys_project_id_item_id"), "item_keys", ["project_id", "item_id"], unique=False)
    op.create_table(
        "item_person",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "item_id"],
            ["items.project_id", "items.id"],
            name=op.f("fk_item_person_project_id_item_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "item_id", "person", name=op.f("pk_item_person")),
    )
    op.create_index(op.f("ix_item_person_project_id_person"), "item_person", ["project_id", "person"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_item_person_project_id_person"), table_name="item_person")
    op.drop_table("item_person")
    op.drop_index(op.f("ix_item_keys_project_id_item_id"), table_name="item_keys")
    op.drop_index(op.f("ix_item_keys_project_id_feedback_id"), table_name="item_keys")
    op.drop_table("item_keys")
    op.drop_index(op.f("ix_item_feedback_project_id_item_id"), table_name="item_feedback")
    op.drop_table("item_feedback")
    op.drop_index(op.f("ix_item_events_project_id_item_id_id"), table_name="item_events")
    op.drop_table("item_events")
    op.drop_index(op.f("ix_slices_project_id_feature_id"), table_name="slices")
    op.drop_table("slices")
    op.drop_index(op.f("ix_items_project_id_state_priority"), table_name="items")
    op.drop_table("items")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_members_account_id"), table_name="members")
    op.drop_table("members")
    op.drop_table("features")
    op.drop_table("digest_runs")
    op.drop_table("api_keys")
    op.drop_table("api_key_index")
    op.drop_index(op.f("ix_account_sessions_account_id"), table_name="account_sessions")
    op.drop_table("account_sessions")
    op.drop_index(op.f("ix_signals_project_id_output_id"), table_name="signals")
    op.drop_index(op.f("ix_signals_project_id_occurred_at"), table_name="signals")
    op.drop_table("signals")
    op.drop_table("rollup_day")
    op.drop_table("projects")
    op.drop_table("person_day")
    op.drop_index(
        op.f("ix_outputs_project_id_trace_id"), table_name="outputs", postgresql_where=sa.text("trace_id IS NOT NULL")
    )
    op.drop_index(op.f("ix_outputs_project_id_slice_id_day"), table_name="outputs")
    op.drop_index(
        op.f("ix_outputs_project_id_response_id"),
        table_name="outputs",
        postgresql_where=sa.text("response_id IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_outputs_project_id_join_key"), table_name="outputs", postgresql_where=sa.text("join_key IS NOT NULL")
    )
    op.drop_table("outputs")
    op.drop_index(op.f("ix_output_text_project_id_received_at"), table_name="output_text")
    op.drop_table("output_text")
    op.drop_index(
        op.f("ix_feedback_events_project_id_ref_span_id_feature_id"),
        table_name="feedback_events",
        sqlite_where=sa.text("ref IS NOT NULL"),
        postgresql_where=sa.text("ref IS NOT NULL"),
    )
    op.drop_index(op.f("ix_feedback_events_project_id_feedback_id"), table_name="feedback_events")
    op.drop_table("feedback_events")
    op.drop_index(op.f("ix_feedback_project_id_last_at"), table_name="feedback")
    op.drop_index(
        op.f("ix_feedback_project_id_feature_id_changed_at"),
        table_name="feedback",
        sqlite_where=sa.text("triaged_at IS NULL"),
        postgresql_where=sa.text("triaged_at IS NULL"),
    )
    op.drop_table("feedback")
    op.drop_table("dropped_day")
    op.drop_table("accounts")
