"""Log-ins: how they are made, stopped, given a new password, and what their owners must do before anything else."""

import time
from datetime import timedelta

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.utils import user_pk_to_url_str
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from crm.clock import now
from org.audit import record
from org.models import FormerPassword, Staff, User
from org.rights import require


def start_session(request: HttpRequest) -> None:
    """Set the two ends of a session that begins: absolute and idle."""
    begun = int(time.time())
    request.session["ends_at"] = begun + settings.SESSION_ABSOLUTE_SECONDS
    request.session["seen_at"] = begun


@transaction.atomic
def set_password(user: User, password: str, *, must_change: bool = False) -> None:
    """Give a log-in a password; its running sessions end, since each carries a hash of the old one.

    Whether the password will do is asked before, by Django's validators.
    """
    _keep_former(user)
    user.set_password(password)
    user.password_changed_at = now()
    user.must_change_password = must_change
    user.save(update_fields=["password", "password_changed_at", "must_change_password"])


def _keep_former(user: User) -> None:
    """Keep the hash of the password that is about to go, and no more of them than the rule asks for."""
    if not user.has_usable_password():
        return
    FormerPassword.objects.create(user=user, password=user.password)
    newest = FormerPassword.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)
    FormerPassword.objects.filter(user=user).exclude(pk__in=list(newest[: settings.PASSWORD_HISTORY])).delete()


def make_login(staff: Staff, *, username: str = "", password: str = "") -> User:
    """Make the log-in of a member of staff; name and staff number are the same unless told otherwise.

    With a password, it must be changed at the first log-in; without one, the log-in opens by `one_time_link`.
    """
    user = User(username=username or staff.staff_no, email=staff.email)
    if password:
        user.set_password(password)
        user.must_change_password = True
        user.password_changed_at = now()
    else:
        user.set_unusable_password()
    user.save()
    staff.user = user
    staff.save(update_fields=["user"])
    return user


def link_path(user: User) -> str:
    """Path of the page where the owner sets a new password, once, within PASSWORD_RESET_TIMEOUT.

    It dies with use, with the next log-in, and with the next link: the key is made of password and last log-in.
    """
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


@transaction.atomic
def one_time_link(staff: Staff, *, by: User) -> str:
    """End a log-in's password and sessions (make the log-in, if there is none); the path that opens it again.

    Raises PermissionDenied without the right 'staff.edit'.
    """
    require(by, "staff.edit")
    user = staff.user or make_login(staff)
    _keep_former(user)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    end_sessions(user)
    record("login.link", user=by, object_kind="staff", object_no=staff.staff_no)
    return link_path(user)


@transaction.atomic
def stop(staff: Staff, *, by: User) -> None:
    """Refuse a log-in from now on and end its sessions. Raises PermissionDenied without 'staff.edit'."""
    _switch(staff, by=by, active=False)


@transaction.atomic
def allow(staff: Staff, *, by: User) -> None:
    """Let a stopped log-in in again. Raises PermissionDenied without 'staff.edit'."""
    _switch(staff, by=by, active=True)


def _switch(staff: Staff, *, by: User, active: bool) -> None:
    require(by, "staff.edit")
    user = staff.user
    if user is None or user.pk == by.pk or user.is_active == active:
        return
    user.is_active = active
    user.save(update_fields=["is_active"])
    if not active:
        end_sessions(user)
    action = "login.started" if active else "login.stopped"
    record(action, user=by, object_kind="staff", object_no=staff.staff_no)


def end_sessions(user: User) -> None:
    """End all sessions of a log-in."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def is_stale(user: User) -> bool:
    """Whether a log-in lay unused for longer than IDLE_ACCOUNT_DAYS; a one-time link opens it again."""
    if not settings.IDLE_ACCOUNT_DAYS:
        return False
    last = max(filter(None, (user.last_login, user.password_changed_at, user.date_joined)))
    return now() - last > timedelta(days=settings.IDLE_ACCOUNT_DAYS)


def errand(request: HttpRequest) -> str | None:
    """Path of the page that a signed-in user must see to before any other: a new password, a second factor."""
    user: User = request.user  # type: ignore[assignment]
    if user.has_usable_password() and (user.must_change_password or _password_is_old(user)):
        return reverse("account_change_password")
    staff = getattr(user, "staff", None)
    if staff is not None and staff.role in settings.SECOND_FACTOR_ROLES:
        used = {one.get("method") for one in get_authentication_records(request, user)}
        # Whoever comes from the firm's identity server has shown the second factor there.
        if not used & {"mfa", "socialaccount"} and not request.session.get("second_factor"):
            return reverse("mfa_activate_totp")
    return None


def _password_is_old(user: User) -> bool:
    if not settings.PASSWORD_MAX_AGE_DAYS:
        return False
    changed = user.password_changed_at or user.date_joined
    return now() - changed > timedelta(days=settings.PASSWORD_MAX_AGE_DAYS)
