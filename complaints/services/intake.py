"""Intake (X3): a case is registered once per matter, numbered without gaps, given to a handler by rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from clients.models import Client
from complaints import rules
from complaints.choices import (
    OPEN_STATES,
    PLATFORM,
    Category,
    Channel,
    Party,
    Severity,
    State,
    Wish,
)
from complaints.models import Complaint, Intake
from complaints.services.assignment import Asking, first_handler, people
from complaints.services.core import Stale, actor_of, append, happenings, locked, policy_on, terms_of
from org import audit
from org.models import Branch, Staff, User
from org.rights import require
from org.scope import is_service_account

#: What may lie in the future without being a mistake: clocks differ.
#: A second intake is not older than this before the case.
_LONGEST_BEFORE = timedelta(days=366)
_CLOCKS_DIFFER = timedelta(minutes=5)
MAX_NARRATIVE = 40_000


@dataclass(frozen=True, kw_only=True)
class Told:
    """A complaint as it comes in. `amount` in 1/10,000 元; `received_at`: when the firm, or the platform, got it."""

    channel: str
    category: str
    narrative: str
    received_at: datetime
    severity: str = Severity.NORMAL
    wish: str = Wish.HEARD
    summary: str = ""
    amount: int | None = None
    persons: int = 1
    product: str = ""
    party: str = Party.CLIENT
    complainant: str = ""
    contact: str = ""
    client: Client | None = None
    branch: Branch | None = None
    about: Staff | None = None
    superior: Staff | None = None
    source: str = ""
    external_ref: str = ""


@transaction.atomic
def register(told: Told, *, user: User | None, at: datetime) -> tuple[Complaint, bool]:
    """Take a complaint in; returns the case and whether it is new. The same (source, external_ref) is the same case.

    `user` None: the public form. Raises ValidationError with the fields, PermissionDenied without 'complaints.handle'.
    """
    if user is not None:
        require(user, "complaints.handle")
    told = _checked(told, at)
    if told.external_ref:
        known = known_intake(told.source, told.external_ref)
        if known is not None:
            return known, False
    policy = policy_on(timezone.localdate(told.received_at))
    severity = Severity.GROUP if told.persons >= policy.group_from else told.severity
    receiver = None if user is None or is_service_account(user) else user.staff
    branch = told.branch or _branch_of(told, receiver)
    named = frozenset(one.pk for one in (told.about, told.superior) if one is not None)
    asked = Asking(severity, told.amount, branch, named, receiver)
    handler = first_handler(policy, asked, people(at, [branch]))
    complaint = Complaint.objects.create(
        number=_next_number(timezone.localdate(at).year),
        state=State.RECEIVED,
        step=1,
        version=0,
        policy=policy,
        received_at=told.received_at,
        registered_at=at,
        channel=told.channel,
        category=told.category,
        severity=severity,
        wish=told.wish,
        amount=told.amount,
        persons=told.persons,
        summary=told.summary or told.narrative[:60],
        narrative=told.narrative,
        product=told.product,
        party=told.party,
        complainant=told.complainant,
        contact=told.contact,
        client=told.client,
        branch=branch,
        about_person=told.about,
        about_superior=told.superior,
        receiver=receiver,
        handler_id=handler,
    )
    Intake.objects.create(
        complaint=complaint,
        channel=told.channel,
        source=told.source,
        external_ref=told.external_ref,
        received_at=told.received_at,
    )
    append(complaint, [], [("registered", _said(complaint, told))], by=user, at=at)
    audit.record("complaint.register", user=user, object_kind="complaint", object_no=complaint.number)
    return complaint, True


def tells_otherwise(complaint: Complaint, told: Told) -> bool:
    """Whether what was told under a known reference is another story than the one the case was registered with."""
    first = complaint.intakes.order_by("pk").first()
    if first is None or (first.source, first.external_ref) != (told.source.strip(), told.external_ref.strip()):
        return False
    return complaint.narrative.split() != told.narrative.replace("\x00", "").split()


def _said(complaint: Complaint, told: Told) -> dict[str, Any]:
    """What the first event keeps: everything the rules ask for, and the story as it was told."""
    return {
        "receiver": complaint.receiver_id,
        "handler": complaint.handler_id,
        "about": complaint.about_person_id,
        "superior": complaint.about_superior_id,
        "severity": complaint.severity,
        "category": complaint.category,
        "amount": complaint.amount,
        "wish": complaint.wish,
        "product": complaint.product,
        "client": complaint.client_id,
        "branch": complaint.branch_id,
        "complainant": complaint.complainant,
        "contact": complaint.contact,
        "party": complaint.party,
        "persons": complaint.persons,
        "channel": complaint.channel,
        "summary": complaint.summary,
        "narrative": complaint.narrative,
        "received_at": complaint.received_at.isoformat(),
        "policy": complaint.policy.version,
        "source": told.source,
        "external_ref": told.external_ref,
    }


def _checked(told: Told, at: datetime) -> Told:
    texts = {
        name: str(getattr(told, name)).replace("\x00", "").strip()
        for name in ("narrative", "summary", "product", "complainant", "contact", "source", "external_ref")
    }
    errors: dict[str, str] = {}
    if not texts["narrative"]:
        errors["narrative"] = _("Write down what was told.")
    elif len(texts["narrative"]) > MAX_NARRATIVE:
        errors["narrative"] = _("A text holds at most 40,000 characters.")
    if told.received_at > at + _CLOCKS_DIFFER:
        errors["received_at"] = _("This lies in the future.")
    if told.party != Party.ANONYMOUS and not texts["complainant"] and told.client is None:
        errors["complainant"] = _("Give a name, or choose: anonymous.")
    if told.party == Party.CLIENT and told.client is None:
        errors["client"] = _("Name the client, or choose who complains.")
    for name, choices in (("channel", Channel), ("category", Category), ("severity", Severity), ("wish", Wish)):
        if getattr(told, name) not in choices.values:
            errors[name] = _("Not one of the choices.")
    if told.channel in PLATFORM and not texts["external_ref"]:
        errors["external_ref"] = _("The platform's number is needed.")
    if not 1 <= told.persons <= 30_000:
        errors["persons"] = _("Give a number from 1 on.")
    if told.amount is not None and told.amount < 0:
        errors["amount"] = _("An amount is not below zero.")
    for name, most in (("summary", 120), ("product", 120), ("complainant", 120), ("contact", 120),
                       ("source", 40), ("external_ref", 64)):  # fmt: skip
        if len(texts[name]) > most:
            errors[name] = _("At most %(most)s characters.") % {"most": most}
    if told.about is not None and told.about == told.superior:
        errors["superior"] = _("This is the same person.")
    if errors:
        raise ValidationError(errors)
    if told.client is not None and not texts["complainant"] and told.party != Party.ANONYMOUS:
        texts["complainant"] = told.client.name
    return Told(**{**vars(told), **texts})


def _branch_of(told: Told, receiver: Staff | None) -> Branch:
    if told.about is not None:
        return told.about.branch
    if told.client is not None:
        return told.client.branch
    if receiver is not None:
        return receiver.branch
    return Branch.objects.filter(parent=None).order_by("pk")[0]


def _next_number(year: int) -> str:
    """The next number of a year, without gaps: the counter's row is locked until the case is committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO complaints_numbercounter (year, last) VALUES (%s, 1)"
            " ON CONFLICT (year) DO UPDATE SET last = complaints_numbercounter.last + 1 RETURNING last",
            [year],
        )
        return f"TS{year}{cursor.fetchone()[0]:06d}"


def known_intake(source: str, external_ref: str) -> Complaint | None:
    """The case an outside number led to; merged cases answer with the one that goes on."""
    # A second request with the same number waits for the first one's commit.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"complaint:{source}:{external_ref}"])
    intake = Intake.objects.select_related("complaint").filter(source=source, external_ref=external_ref).first()
    return None if intake is None else survivor(intake.complaint)


def survivor(complaint: Complaint) -> Complaint:
    """The case itself, or the one it was merged into in the end."""
    while complaint.merged_into is not None:
        complaint = complaint.merged_into
    return complaint


# --- One matter, two ways in ---------------------------------------------------------------------------------------


@transaction.atomic
def add_intake(number: str, told: Mapping[str, Any], *, user: User, at: datetime) -> Complaint:
    """The same matter came in by another channel: one case, two intakes; the earlier receipt counts.

    `told`: channel, received_at, source, external_ref. Raises ValidationError when the outside number is taken, Refused when
    the case is ended, DoesNotExist out of scope.
    """
    require(user, "complaints.handle")
    complaint = locked(number, user)
    if complaint.state not in OPEN_STATES:
        raise rules.Refused("state", _("Not possible in the present state of the case."))
    # Another receipt moves the clocks: for whoever handles the case, or steers.
    actor = actor_of(user)
    if not actor.steers and actor.staff != complaint.handler_id:
        raise rules.Refused("handler", _("Only who handles the case, or assigns cases, adds another intake."))
    if told["channel"] not in Channel.values:
        raise ValidationError({"channel": _("Not one of the choices.")})
    if told["channel"].startswith("12386") and not told.get("external_ref"):
        raise ValidationError({"external_ref": _("The platform gave the matter a number; enter it.")})
    if told["received_at"] < complaint.registered_at - _LONGEST_BEFORE:
        raise ValidationError({"received_at": _("This lies more than a year before the case.")})
    ref, source = str(told.get("external_ref") or "")[:64], str(told.get("source") or "")[:40]
    if ref and known_intake(source, ref) is not None:
        raise ValidationError({"external_ref": _("This number belongs to a case already.")})
    if told["received_at"] > at + _CLOCKS_DIFFER:
        raise ValidationError({"received_at": _("This lies in the future.")})
    Intake.objects.create(
        complaint=complaint, channel=told["channel"], source=source, external_ref=ref, received_at=told["received_at"]
    )
    data = {"channel": told["channel"], "received_at": told["received_at"].isoformat(), "source": source, "ref": ref}
    append(complaint, happenings(complaint), [("intake_added", data)], by=user, at=at)
    audit.record("complaint.intake", user=user, object_kind="complaint", object_no=complaint.number)
    return complaint


@transaction.atomic
def merge(number: str, into: str, reason: str, *, user: User, at: datetime, version: int | None = None) -> Complaint:
    """Close a duplicate and go on with another case, which keeps both intakes; returns that case.

    Raises Refused, Stale, DoesNotExist when either is out of scope.
    """
    require(user, "complaints.handle")
    both = {one: locked(one, user) for one in sorted({number, into})}  # always in one order: no deadlock
    if len(both) == 1:
        raise rules.Refused("same", _("A case is not merged into itself."))
    duplicate, stays = both[number], both[into]
    if version is not None and version != duplicate.version:
        raise Stale(duplicate)
    if stays.state not in OPEN_STATES:
        raise rules.Refused("state", _("The other case is closed."))
    before = happenings(duplicate)
    actor, terms = actor_of(user), terms_of(duplicate.policy).terms
    made = rules.decide(rules.fold(before), "merge", actor, {"into": into, "reason": reason}, terms)
    if rules.fold(happenings(stays)).named & {actor.staff}:
        raise rules.Refused("about_you", _("Nobody handles or approves a complaint about himself."))
    duplicate.merged_into = stays
    append(duplicate, before, [("merged", made)], by=user, at=at)
    received = [
        ("intake_added", {"channel": one.channel, "received_at": one.received_at.isoformat(), "from": number})
        for one in duplicate.intakes.order_by("pk")
    ]
    duplicate.intakes.update(complaint=stays)
    absorbed = ("absorbed", {"number": number, "reason": reason})
    append(stays, happenings(stays), [absorbed, *received], by=user, at=at)
    audit.record("complaint.merge", user=user, object_kind="complaint", object_no=number, detail={"into": into})
    return stays


def likely_duplicates(complaint: Complaint, user: User, *, days: int = 60) -> QuerySet[Complaint]:
    """Open cases that may be the same matter: same client or same contact, received within `days` of each other."""
    same = Q(pk__in=[])
    if complaint.client_id:
        same |= Q(client=complaint.client_id)
    if complaint.contact:
        same |= Q(contact=complaint.contact)
    near = (complaint.received_at - timedelta(days=days), complaint.received_at + timedelta(days=days))
    found = Complaint.objects.visible_to(user).filter(same, state__in=OPEN_STATES, received_at__range=near)
    return found.exclude(pk=complaint.pk).order_by("-received_at", "pk")[:5]
