"""What somebody without a log-in may do by a link: complain (X3), say how satisfied he is (X6). Signed, and few at a time."""

from dataclasses import dataclass
from datetime import datetime

from django.core import signing
from django.core.cache import cache
from django.db import transaction

from complaints.models import Complaint, FollowUp
from complaints.services.core import append, happenings
from crm.cache import answers
from org import audit
from org.models import Branch, User
from org.rights import require

_FORM, _ASK = "complaints.public-form", "complaints.satisfaction"
#: Days a question about satisfaction can be answered.
ASK_DAYS = 60
#: Complaints an hour from one address.
PER_HOUR = 5


def form_token(branch: Branch, *, user: User) -> str:
    """The key of a branch's public form, always the same; it holds until the firm's secret changes."""
    require(user, "complaints.handle")
    return signing.Signer(salt=_FORM).sign_object(branch.branch_no)


def branch_of(token: str) -> Branch:
    """The branch behind a key. Raises Branch.DoesNotExist for one that nobody gave out."""
    try:
        return Branch.objects.get(branch_no=signing.Signer(salt=_FORM).unsign_object(token))
    except signing.BadSignature:
        raise Branch.DoesNotExist from None


def within_rate(address: str | None) -> bool:
    """Whether one more complaint from an address is taken this hour; counted in the cache, so that it holds in parallel.

    False while the cache is away: nobody would count.
    """
    if not answers():
        return False
    key = f"complaints-public:{address}"
    cache.add(key, 0, timeout=3600)
    try:
        return cache.incr(key) <= PER_HOUR
    except ValueError:  # it ran out in between
        return True


def ask_token(row: FollowUp) -> str:
    """The key of the question about satisfaction for one follow-up."""
    return signing.dumps(row.pk, salt=_ASK)


@dataclass(frozen=True)
class Asked:
    """A question by link and whether it was answered."""

    row: FollowUp
    answered: bool


def asked(token: str) -> Asked:
    """The question behind a key. Raises FollowUp.DoesNotExist when it is too old, or nobody's."""
    try:
        row_id = signing.loads(token, salt=_ASK, max_age=ASK_DAYS * 24 * 3600)
    except signing.BadSignature:
        raise FollowUp.DoesNotExist from None
    row = FollowUp.objects.select_related("complaint").get(pk=row_id, dropped=False)
    return Asked(row, row.done_at is not None)


@transaction.atomic
def answer(token: str, satisfaction: int, note: str, *, at: datetime) -> bool:
    """Keep the client's own answer; False when there was one already. Raises FollowUp.DoesNotExist."""
    question = asked(token)
    complaint = Complaint.objects.select_for_update(of=("self",)).get(pk=question.row.complaint_id)
    row = FollowUp.objects.get(pk=question.row.pk)
    if row.done_at is not None or row.dropped:
        return False
    row.done_at, row.satisfaction, row.note = at, satisfaction, note.replace("\x00", "").strip()[:500]
    row.save()
    data = {"days": row.days, "satisfaction": satisfaction, "note": row.note}
    append(complaint, happenings(complaint), [("satisfaction", data)], by=None, at=at)
    audit.record("complaint.follow_up", user=None, object_kind="complaint", object_no=complaint.number)
    return True
