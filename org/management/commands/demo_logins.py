"""`manage.py demo_logins`: one log-in per role for trying out; prints them. Never in production."""

from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from crm.clock import now, today
from org.models import Branch, Role, Staff, User

#: The password that docs/README and the product's contracts name.
PASSWORD = "core-clients-demo"  # noqa: S105  for demo data only
ROLES = {
    "manager": Role.ACCOUNT_MANAGER,
    "head": Role.BRANCH_HEAD,
    "officer": Role.COMPLAINT_OFFICER,
    "analyst": Role.ANALYST,
    "admin": Role.ADMIN,
    "auditor": Role.AUDITOR,
    "compliance": Role.COMPLIANCE_OFFICER,
}
#: Not in the core system's files, head office appoints them here: role → number and name.
APPOINTED = {Role.AUDITOR: ("AUDIT", "审计员"), Role.COMPLIANCE_OFFICER: ("COMPL", "合规专员")}


class Command(BaseCommand):
    help = "Gives one member of the demo staff per role a log-in and prints them; repeating changes nothing."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION or settings.DEMO == "none":
            raise CommandError("demo log-ins are refused in production and with DEMO=none")
        on = today()
        chosen = choose(on)
        for username, staff in chosen.items():
            attach(username, staff)
            self.stdout.write(f"{username:<10} {PASSWORD}  {staff.role:<18} {staff.name}, {staff.branch.name}")


def choose(on: date) -> dict[str, Staff]:
    """The member of staff behind each demo log-in. Raises CommandError if the firm lacks a role."""
    manager = _kept("manager", on) or _best_manager(on)
    if manager is None:
        raise CommandError("there is no account manager in service; take in a demo firm first")
    chosen = {"manager": manager}
    for username, role in list(ROLES.items())[1:]:
        there = Staff.objects.serving(on).filter(role=role).order_by("staff_no")
        found = _first_free(username, there.filter(branch=manager.branch)) or _first_free(username, there)
        if found is None and role in APPOINTED:
            found = _appoint(role)
        if found is None:
            raise CommandError(f"there is no {role} in service; take in a demo firm first")
        chosen[username] = found
    return chosen


def _kept(username: str, on: date) -> Staff | None:
    """Who has the log-in already, if he or she still serves in that role."""
    return Staff.objects.serving(on).filter(user__username=username, role=ROLES[username]).first()


def _best_manager(on: date) -> Staff | None:
    """The account manager with the most active clients, in a branch with a head if there is one."""
    headed = Staff.objects.serving(on).filter(role=Role.BRANCH_HEAD, branch=OuterRef("branch"))
    managers = Staff.objects.serving(on).filter(role=Role.ACCOUNT_MANAGER, user__isnull=True)
    book = Count("clients", filter=Q(clients__status="active"))
    return managers.annotate(headed=Exists(headed), book=book).order_by("-headed", "-book", "staff_no").first()


def _first_free(username: str, rows: QuerySet[Staff]) -> Staff | None:
    return rows.filter(Q(user__isnull=True) | Q(user__username=username)).order_by("user_id", "staff_no").first()


def _appoint(role: Role) -> Staff | None:
    head_office = Branch.objects.order_by("path", "pk").filter(parent__isnull=True).first()
    if head_office is None:
        return None
    number, name = APPOINTED[role]
    return Staff.objects.get_or_create(staff_no=number, defaults={"name": name, "role": role, "branch": head_office})[0]


def attach(username: str, staff: Staff) -> None:
    """Give somebody the demo log-in of that name, open and with the demo password."""
    user = User.objects.filter(username=username).first() or User(username=username)
    Staff.objects.filter(user=user.pk).exclude(pk=staff.pk).update(user=None)
    if not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
    # A demo firm may be opened after months: its passwords do not age.
    user.is_active, user.must_change_password, user.password_changed_at = True, False, now()
    user.save()
    if staff.user_id != user.pk:
        staff.user = user
        staff.save(update_fields=["user"])
