"""The audit trail: one call in the same transaction as the deed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import models

from library.core.models import AuditEntry
from library.core.sql import insert


def record(
    *, action: str, subject: models.Model, by: Any, now: datetime, detail: Mapping[str, Any] | None = None
) -> AuditEntry:
    """Write who did what to `subject`; `by` is a User or None for the system, `detail` holds
    what JSON can, dates, instants and Decimals besides."""
    entry = AuditEntry(
        at=now,
        actor=by,
        action=action,
        subject_type=subject._meta.label_lower,
        subject_id=subject.pk,
        subject_name=str(subject)[:300],
        detail=dict(detail or {}),
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
    )
    insert(entry)
    return entry
