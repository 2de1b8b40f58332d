"""Log-ins, log-outs and changes of credentials into the audit trail; connected in `OrgConfig.ready`."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from org import logins
from org.audit import record
from org.models import User


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A session begins; its key is new, Django sees to that."""
    logins.start_session(request)
    record("login.ok", user=user, request=request)


@receiver(user_logged_out)
def signed_out(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record("login.out", user=user, request=request)


@receiver(user_login_failed)
def sign_in_failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """The name typed is kept only if it is somebody's: people type passwords into the wrong field."""
    user = User.objects.filter(username__iexact=str(credentials.get("username", ""))).first()
    record("login.failed", user=user, request=request, detail={"known": user is not None})


@receiver([password_changed, password_set, password_reset])
def password_is_new(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    record("password.changed", user=user, request=request)


@receiver([mfa.authenticator_added, mfa.authenticator_reset])
def factor_added(sender: Any, request: HttpRequest, user: User, authenticator: Any, **kwargs: Any) -> None:
    # Whoever has just set it up has shown that it works.
    request.session["second_factor"] = True
    record("factor.added", user=user, request=request, detail={"kind": authenticator.type})


@receiver(mfa.authenticator_removed)
def factor_removed(sender: Any, request: HttpRequest, user: User, authenticator: Any, **kwargs: Any) -> None:
    request.session.pop("second_factor", None)
    record("factor.removed", user=user, request=request, detail={"kind": authenticator.type})


@receiver(mfa.authentication_failed)
def factor_failed(sender: Any, request: HttpRequest, user: User, authenticator: Any, **kwargs: Any) -> None:
    record("factor.failed", user=user, request=request, detail={"kind": authenticator.type})
