"""API log-in by tokens of service accounts (N3): `Authorization: Bearer …`, hashed at rest, revocable at once."""

import hashlib
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from crm.clock import now
from org.audit import record
from org.models import ApiToken, Branch, User
from org.rights import FIRM_ONLY, TOKEN_SCOPES, may, require

PREFIX = "crm_"


def digest_of(token: str) -> str:
    """What is kept of a token. Tokens carry 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def make_token(
    *, name: str, scopes: list[str], branch: Branch | None, expires_at: datetime, by: User
) -> tuple[ApiToken, str]:
    """Make a service account with a token; returns the row and the token, which is shown this once.

    Raises ValueError for a scope that is unknown, never given to programs, or the firm's while the token is bound to a
    branch; PermissionDenied without 'tokens.edit'.
    """
    require(by, "tokens.edit")
    allowed = set(TOKEN_SCOPES) - (FIRM_ONLY if branch is not None else frozenset())
    refused = set(scopes) - allowed
    if refused:
        raise ValueError(f"no such scopes for this token: {', '.join(sorted(refused))}")
    token = PREFIX + secrets.token_urlsafe(32)
    account = User(username=f"service-{secrets.token_hex(6)}")
    account.set_unusable_password()
    account.save()
    row = ApiToken.objects.create(
        name=name,
        user=account,
        prefix=token[:12],
        digest=digest_of(token),
        scopes=sorted(scopes),
        branch=branch,
        expires_at=expires_at,
    )
    record("token.made", user=by, object_kind="token", object_no=row.prefix, detail={"scopes": row.scopes})
    return row, token


@transaction.atomic
def revoke_token(row: ApiToken, *, by: User) -> None:
    """End a token at once; revoking it again changes nothing."""
    require(by, "tokens.edit")
    if row.revoked_at is not None:
        return
    row.revoked_at = now()
    row.save(update_fields=["revoked_at"])
    record("token.revoked", user=by, object_kind="token", object_no=row.prefix)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer crm_…`. The user of the request is the service account, with the token on it."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        token = words[1].decode("latin-1") if len(words) == 2 else ""
        row = (
            ApiToken.objects.select_related("user")
            .filter(Q(revoked_at__isnull=True), digest=digest_of(token), expires_at__gt=now(), user__is_active=True)
            .first()
        )
        if row is None:
            raise AuthenticationFailed(_("The token is unknown, expired or revoked."))
        moment = now()
        # Once a minute is exact enough, and keeps reading from writing.
        if row.last_used_at is None or moment - row.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=moment)
        row.user.api_token = row  # type: ignore[attr-defined]
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):
    """How the token stands in the OpenAPI description."""

    target_class = "org.api_auth.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class DeclaredScope(BasePermission):
    """The view declares `right`, or `rights` by method; without one nothing is allowed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        right = right_of(view, str(request.method))
        if not right or not may(request.user, right):
            return False
        require(request.user, right)
        return True


def right_of(view: Any, method: str) -> str:
    """The right a view (or its class) wants for a method; '' if it declares none."""
    return str(getattr(view, "rights", {}).get(method) or getattr(view, "right", ""))


class Throttle(BaseThrottle):
    """API_RATE requests a minute of one token or user. Counted in Redis by one atomic step, so it holds in parallel."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not settings.API_RATE or not request.user.is_authenticated:
            return True
        key = f"api-rate:{request.user.pk}:{int(time.time()) // 60}"
        try:
            count = cache.incr(key)
        except ValueError:
            count = 1 if cache.add(key, 1, timeout=120) else cache.incr(key)
        return count <= settings.API_RATE

    def wait(self) -> float:
        return 60 - time.time() % 60
