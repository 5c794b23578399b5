"""Housekeeping: what is past its time goes, the rest stays."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from library.core.models import IdempotencyKey, JobRun
from library.core.tasks import sweep

pytestmark = pytest.mark.django_db


def test_a_day_old_answers_expired_sessions_and_expired_tokens_go(settings):
    settings.DAILY_JOBS_HOUR = 0
    now = timezone.now()
    for name, age in (("old", timedelta(hours=25)), ("new", timedelta(hours=23))):
        IdempotencyKey.objects.create(key=name, method="POST", path="/", body_digest="", created_at=now - age)
        expires = now + timedelta(hours=24) - age
        Session.objects.create(session_key=name, session_data="", expire_date=expires)
        OutstandingToken.objects.create(jti=name, token=name, created_at=now, expires_at=expires)
    sweep()
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert list(OutstandingToken.objects.values_list("jti", flat=True)) == ["new"]
    assert JobRun.objects.get(job="sweep").summary == {"idempotency_keys": 1}
