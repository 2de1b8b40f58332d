"""Letters of a case as PDF (X1): looked at as a draft, then put into the file, where they stay as they were written."""

from datetime import datetime

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from complaints import letters, rules
from complaints.models import Attachment, Complaint
from complaints.rules import Refused
from complaints.services.core import Stale, actor_of, calendar_around, happenings, terms_of
from complaints.services.files import attach
from crm import pdf
from org import audit
from org.models import User
from org.rights import require


def draft(number: str, letter: str, language: str, *, user: User, at: datetime) -> bytes:
    """The letter as it would be now, marked as a draft. Raises PermissionDenied, DoesNotExist, Refused."""
    require(user, "complaints.handle")
    made = _pdf(_facts(number, user, at), letter, language, draft=True)
    audit.record(
        "complaint.letter",
        user=user,
        object_kind="complaint",
        object_no=number,
        detail={"letter": letter, "draft": True},
    )
    return made


@transaction.atomic
def write(number: str, letter: str, language: str, *, user: User, at: datetime, version: int) -> Attachment:
    """Put the letter into the file of a case that is still at `version`.

    Raises PermissionDenied, DoesNotExist, Stale, Refused, ValidationError (too many papers).
    """
    require(user, "complaints.handle")
    facts = _facts(number, user, at)
    if facts.complaint.version != version:
        raise Stale(facts.complaint)
    made = _pdf(facts, letter, language, draft=False)
    name = f"{number}-{letter}-{language}.pdf"
    said = {"letter": letter, "language": language}
    file = SimpleUploadedFile(name, made, "application/pdf")
    return attach(number, file, user=user, at=at, version=version, said=said)


def may_write(complaint: Complaint, user: User) -> bool:
    """A letter speaks for the firm: whoever handles the case writes it, a deputy of theirs, or whoever assigns cases."""
    actor = actor_of(user)
    return actor.steers or (complaint.handler_id is not None and complaint.handler_id in (actor.staff, actor.acting))


def _facts(number: str, user: User, at: datetime) -> letters.Facts:
    rows = Complaint.objects.visible_to(user).select_related("branch", "handler", "policy")
    complaint = rows.get(number=number)
    if not may_write(complaint, user):
        raise Refused("handler", _("Only who handles the case, or assigns cases, writes its letters."))
    events = happenings(complaint)
    calendar = calendar_around(timezone.localdate(complaint.received_at), timezone.localdate(at))
    found = tuple(rules.deadlines(events, terms_of(complaint.policy), calendar))
    staff = getattr(user, "staff", None)
    return letters.Facts(complaint, rules.fold(events), found, staff.name if staff else "", at)


def _pdf(facts: letters.Facts, letter: str, language: str, *, draft: bool) -> bytes:
    waiting = rules.approvals_missing(facts.case, terms_of(facts.complaint.policy).terms)
    if why := letters.why_not(letter, facts.case, approvals_missing=bool(waiting)):
        raise Refused("letter", why)
    with translation.override(language):
        return pdf.render("letter", letters.content(letter, facts, draft=draft), at=facts.at)
