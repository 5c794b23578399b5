"""Access and refresh tokens: issued in pairs, a refresh token good for one use, all dead once the password changes.

A token carries the public id of its user (`sub`) and a digest of the password hash. The database keeps the number of
each refresh token (simplejwt's outstanding and blacklisted tokens) but never a token that could be used.
"""

import re
from typing import cast

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.state import token_backend
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, Token
from rest_framework_simplejwt.utils import datetime_from_epoch, get_md5_hash_password

from accounts.models import User

_CLAIM = api_settings.REVOKE_TOKEN_CLAIM
_SIGNED = re.compile(r"(eyJ[\w-]+\.[\w-]+)\.[\w-]+")
_UNSIGNED = re.compile(r"(eyJ[\w-]+\.[\w-]+)\.(?![\w-])")


def issue(user: User) -> dict[str, str | int]:
    """A new pair for a user who has proved to be themselves; `expires_in` is seconds of the access token."""
    refresh = RefreshToken()
    refresh["sub"] = str(user.uid)
    refresh[_CLAIM] = get_md5_hash_password(user.password)
    OutstandingToken.objects.create(
        user=user,
        jti=refresh["jti"],
        token="",
        created_at=refresh.current_time,
        expires_at=datetime_from_epoch(refresh["exp"]),
    )
    access = refresh.access_token
    return {"access": str(access), "refresh": str(refresh), "expires_in": access["exp"] - access["iat"]}


@transaction.atomic
def rotate(text: str) -> dict[str, str | int]:
    """A new pair for a refresh token, which is used up by it. Raises AuthenticationFailed; of two at once one fails."""
    refresh = _parsed(text)
    user = User.objects.filter(uid=refresh["sub"], is_active=True).first()
    if user is None or refresh[_CLAIM] != get_md5_hash_password(user.password) or not _use_up(refresh):
        raise _invalid()
    return issue(user)


@transaction.atomic
def revoke(text: str) -> None:
    """Use a refresh token up without giving a new one. Raises AuthenticationFailed for one that is dead already."""
    if not _use_up(_parsed(text)):
        raise _invalid()


def sealed(answer: str) -> str:
    """The text with the signatures of all tokens cut off: worthless to whoever reads the database."""
    return _SIGNED.sub(r"\1.", answer)


def unsealed(answer: str) -> str:
    """The text with its tokens signed again: signing is deterministic, so they are the very same."""
    return _UNSIGNED.sub(lambda match: _sign(match[1]), answer)


def _sign(unsigned: str) -> str:
    return str(token_backend.encode(token_backend.decode(_token(f"{unsigned}."), verify=False)))


def _parsed(text: str) -> RefreshToken:
    try:
        refresh = RefreshToken(_token(text))
    except TokenError as error:
        raise _invalid() from error
    if not {"sub", _CLAIM}.issubset(refresh.payload):
        raise _invalid()
    return refresh


def _use_up(refresh: RefreshToken) -> bool:
    """Whether this is the token's first use; the database lets only one caller be the first."""
    outstanding = OutstandingToken.objects.filter(jti=refresh["jti"]).first()
    if outstanding is None:
        return False
    return bool(BlacklistedToken.objects.get_or_create(token=outstanding)[1])


def _token(text: str) -> Token:
    """simplejwt says Token where it takes the text of one."""
    return cast(Token, text)


def _invalid() -> AuthenticationFailed:
    return AuthenticationFailed(_("The token is not valid, or no longer. Sign in again."), code="token_invalid")
