"""Who signs in, and what they may do."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from accounts.models import User
from library.core.sql import Ready

_HELD = Ready(
    lambda of: (
        Permission.objects.filter(
            Q(pk__in=User.user_permissions.through.objects.filter(user=of("user")).values("permission"))
            | Q(pk__in=Group.permissions.through.objects.filter(group__user=of("user")).values("permission"))
        )
        .order_by()
        .values_list("content_type__app_label", "codename")
    )
)


class Backend(AuthenticationBackend):
    """By e-mail and password, as allauth does it; the permissions of a user are asked for once, by one query."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """`app.codename` of all that the user and the groups of the user may do."""
        if obj is not None or not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser:
            asked: set[str] = super().get_all_permissions(user_obj, obj)
            return asked
        if not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in _HELD.rows(user=user_obj.pk)}
        held: set[str] = user_obj._perm_cache
        return held
