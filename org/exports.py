"""Exports asked for by the API (N3): made by a worker, kept for a day, given to whoever asked while nothing has changed.

The lists are those of the pages: same columns, filters, order, masking, limit of rows.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from org import audit
from org.listing.export import FORMATS, pieces
from org.listing.listing import Listing
from org.models import ApiToken, Export, User
from org.rights import require
from org.scope import scope_of

logger = logging.getLogger(__name__)

#: How long a file is kept; how often a worker tries; exports that one asker may have waiting.
KEPT = timedelta(days=1)
TRIES = 3
WAITING = 20

_lists: dict[str, type[Listing]] = {}


def register(*listings: type[Listing]) -> None:
    """Lists that may be exported by the API, under their `name`; called in `AppConfig.ready`."""
    _lists.update({listing.name: listing for listing in listings})


def names() -> list[str]:
    """Names of the lists on offer."""
    return sorted(_lists)


def ask(list_name: str, format_: str, query: str, *, user: User, at: datetime) -> Export:
    """Note an export to be made. `query`: filters, columns and order as in the address of the list's page.

    Raises ValidationError for an unknown list, format or filter, too many waiting; PermissionDenied without the list's right.
    """
    if list_name not in _lists:
        raise ValidationError({"list": _("Choose one of: %(names)s") % {"names": ", ".join(names())}})
    if format_ not in FORMATS:
        raise ValidationError({"format": _("Choose one of: %(names)s") % {"names": ", ".join(FORMATS)}})
    listing = _listing(list_name, query, user)
    require(user, listing.export_right)
    unknown = set(listing.params) - {*listing.filter_names, "cols", "sort"}
    if unknown:
        raise ValidationError({"query": _("There is no such field: %(names)s") % {"names": ", ".join(sorted(unknown))}})
    if Export.objects.filter(user=user, state=Export.State.WAITING).count() >= WAITING:
        raise ValidationError({"list": _("%(n)d exports are waiting already.") % {"n": WAITING}})
    return Export.objects.create(
        user=user,
        list_name=list_name,
        format=format_,
        query=query,
        language=translation.get_language() or settings.LANGUAGE_CODE,
        scope=asdict(scope_of(user)),
        asked_at=at,
        expires_at=at + KEPT,
    )


def make_due(now: datetime) -> int:
    """Make what waits, one after the other; returns how many. Any number of workers at once: each takes others."""
    made = 0
    while _make_next(now):
        made += 1
    return made


@transaction.atomic
def _make_next(now: datetime) -> bool:
    """Make one; False when nothing waits, or when one failed for a reason that may pass: the next look tries again."""
    due = Export.objects.filter(state=Export.State.WAITING, expires_at__gt=now).order_by("tries", "pk")
    one = due.select_for_update(skip_locked=True, of=("self",)).first()
    if one is None:
        return False
    one.tries += 1
    try:
        with transaction.atomic(), translation.override(one.language):
            _make(one, now)
    except PermissionDenied:
        one.state, one.error = Export.State.FAILED, "not allowed any more"
    except ValidationError as error:
        one.state, one.error = Export.State.FAILED, " ".join(error.messages)
    except Exception:
        logger.exception("The export %s was not made.", one.uid)
        one.state, one.error = Export.State.FAILED if one.tries >= TRIES else Export.State.WAITING, "internal error"
        one.path = ""
        one.save()
        return False
    one.save()
    return True


def _make(one: Export, now: datetime) -> None:
    user = _asker(one, now)
    listing = _listing(one.list_name, one.query, user)
    require(user, listing.export_right)
    most = listing.export_max
    rows = listing.queryset.order_by()[: most + 1].count()
    if rows > most:
        raise ValidationError(
            ngettext(
                "These are more than %(most)d row, the most one person may export. Narrow the list.",
                "These are more than %(most)d rows, the most one person may export. Narrow the list.",
                most,
            )
            % {"most": most}
        )
    reached = listing.queryset.order_by().values_list(listing.client_path, flat=True) if listing.client_path else ()
    one.path = f"exports/{one.uid.hex}"
    one.size = _write(one.path, pieces(one.format, listing.shown, listing.exported(listing.queryset)))
    one.rows, one.reached = rows, sorted({number for number in reached if number})
    one.columns = [column.key for column in listing.shown]
    one.scope, one.state, one.made_at, one.error = asdict(scope_of(user)), Export.State.DONE, now, ""


def _asker(one: Export, now: datetime) -> User:
    """Who asked, as of now: with the token that asked, if that still holds. Raises PermissionDenied."""
    user = User.objects.get(pk=one.user_id)
    token = ApiToken.objects.select_related("branch").filter(user=user).first()
    if token is not None:
        if token.revoked_at is not None or token.expires_at <= now:
            raise PermissionDenied
        user.api_token = token  # type: ignore[attr-defined]
    return user


def _listing(name: str, query: str, user: User) -> Listing:
    """The list as its page would show it to the asker."""
    request = HttpRequest()
    request.user = user
    return _lists[name](request, QueryDict(query))


def _write(path: str, parts: Iterable[bytes]) -> int:
    """Write a file under MEDIA_ROOT, which no URL serves; bytes written. What a worker that died left is written over."""
    target = Path(settings.MEDIA_ROOT) / path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as kept:
        return sum(kept.write(part) for part in parts)


@transaction.atomic
def take(one: Export, *, user: User) -> Path:
    """The file, for the asker: rights are asked again, and the scope must be what the file was made for.

    Raises PermissionDenied; the giving is written into the audit trail, with every client whom the file tells of.
    """
    listing = _listing(one.list_name, one.query, user)
    require(user, listing.export_right)
    if one.scope != _plain(asdict(scope_of(user))) or not _all_visible(listing, one.reached):
        raise PermissionDenied
    audit.record(
        "list.export",
        user=user,
        object_kind="list",
        object_no=one.list_name,
        detail={
            "rows": one.rows,
            "format": one.format,
            "columns": one.columns,
            "filters": sorted({name for name, _value in listing.state.filters}),
            "export": str(one.uid),
        },
        reached=one.reached,
    )
    return Path(settings.MEDIA_ROOT) / one.path


def _all_visible(listing: Listing, numbers: list[str]) -> bool:
    """Whether each client whom a file tells of is still the asker's to see."""
    if not listing.client_path or not numbers:
        return True
    seen = listing.base().filter(**{f"{listing.client_path}__in": numbers}).order_by()
    return seen.values(listing.client_path).distinct().count() == len(numbers)


def _plain(scope: dict[str, Any]) -> dict[str, Any]:
    """As JSON keeps it."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in scope.items()}


def forget(now: datetime) -> int:
    """Delete what is older than `KEPT`, files first; returns how many."""
    gone = list(Export.objects.filter(expires_at__lte=now))
    for one in gone:
        if one.path:
            (Path(settings.MEDIA_ROOT) / one.path).unlink(missing_ok=True)
    Export.objects.filter(pk__in=[one.pk for one in gone]).delete()
    return len(gone)
