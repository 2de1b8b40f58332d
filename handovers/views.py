"""Pages of the hand-overs (U10): the list, a new one with its preview, one with its briefing and watch."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from clients.errors import Conflict, Refused
from crm.clock import now, today
from handovers import queries, services
from handovers.forms import WishForm
from handovers.models import Handover, Move
from handovers.rules import WATCH_DAYS, greet_by
from ledger.rules import leaving
from org.models import Staff
from org.rights import may
from org.scope import scope_of
from org.views import page

#: Rows of the briefing on the page; the client list has them all.
ROWS = 50
RISKS = {"closed": gettext_lazy("Account closed"), "outflow": gettext_lazy("Money leaves")}


@page("handovers.view")
def handovers(request: HttpRequest) -> HttpResponse:
    """Hand-overs of the user's branches, and those from which the user got clients."""
    found = Handover.objects.visible_to(request.user).select_related("branch", "former", "made_by__staff")
    rows = Paginator(found.order_by("-made_at", "-pk"), 25).get_page(request.GET.get("page"))
    pager = {
        "previous_url": f"?page={rows.previous_page_number()}" if rows.has_previous() else "",
        "next_url": f"?page={rows.next_page_number()}" if rows.has_next() else "",
        "label": f"{rows.number} / {rows.paginator.num_pages}",
    }
    context = {"rows": rows, "pager": pager, "may_hand_over": may(request.user, "clients.reassign")}
    return render(request, "handovers/list.html", context)


@page("clients.reassign")
def new(request: HttpRequest) -> HttpResponse:
    """The form; asked with it (GET) the preview, sent with the preview's digest (POST) the act."""
    user: Any = request.user
    data = request.POST if request.method == "POST" else request.GET if "former" in request.GET else None
    form = WishForm(data, user=user)
    context: dict[str, Any] = {"form": form}
    status = 200
    if data is not None and form.is_valid():
        wish = form.wish()
        try:
            if request.method == "POST":
                made = services.hand_over(wish, digest=request.POST.get("digest", ""), user=user, on=today(), at=now())
                messages.success(request, _("The clients are handed over."))
                return redirect("handovers:handover", made.pk)
            context["preview"] = services.preview(wish, user=user, on=today())
        except Refused as error:
            form.add_error(None, str(error.message))
        except Conflict:
            status = 409
            messages.error(request, _("The book has changed since the preview. Look at it again; nothing was moved."))
            context["preview"] = services.preview(wish, user=user, on=today())
    if data is not None and form.errors:
        status = 422
    return render(request, "handovers/new.html", context, status=status)


@page("handovers.view")
def handover(request: HttpRequest, handover_id: int) -> HttpResponse:
    """What moved, who still waits to hear from the new manager, whose money leaves."""
    user: Any = request.user
    found = Handover.objects.visible_to(user).select_related("branch", "former", "made_by__staff", "undone_by__staff")
    one = get_object_or_404(found, pk=handover_id)
    scope = scope_of(user)
    whole = scope.firm or one.branch_id in scope.branch_ids
    day = today()
    watch_until = one.on + timedelta(days=WATCH_DAYS)
    rows = [] if one.undone_at else queries.watched(one, min(day, watch_until), None if whole else scope.staff_ids)
    heirs = _heirs(one, None if whole else scope.staff_ids)
    names = {heir["staff"].pk: heir["staff"].name for heir in heirs}
    told = [
        {
            "row": row,
            "to": names.get(row.to_id, ""),
            "by": greet_by(row.tier, one.on),
            "late": row.first_at is None and greet_by(row.tier, one.on) < day,
            "risk": RISKS.get(leaving(row.assets, row.inflow, closed=row.closed), ""),
        }
        for row in rows
        if row.still
    ]
    waiting = [row for row in told if row["row"].first_at is None and not row["row"].closed]
    context = {
        "one": one,
        "whole": whole,
        "heirs": heirs,
        "moved": _in_order(one.moved),
        "stayed": _in_order(one.stayed),
        "clients": reverse("clients:list") + f"?handover={one.pk}",
        "waiting": waiting[:ROWS],
        "waiting_count": len(waiting),
        "late_count": sum(row["late"] for row in waiting),
        "greeted_count": len(told) - len(waiting),
        "leaving": [row for row in told if row["risk"]],
        "watch_until": watch_until,
        "may_undo": whole and may(user, "clients.reassign") and one.undone_at is None and day <= one.undo_until,
    }
    return render(request, "handovers/handover.html", context)


def _in_order(counts: dict[str, int]) -> list[tuple[Any, int]]:
    return [(what.label, counts[what]) for what in Move.What if counts.get(what)]


def _heirs(one: Handover, staff_ids: Any) -> list[dict[str, Any]]:
    moves = one.moves.filter(what=Move.What.CLIENT)
    if staff_ids is not None:
        moves = moves.filter(to__in=list(staff_ids))
    found: dict[int, Counter[str]] = {}
    for staff_id, tier, n in moves.values_list("to", "tier").annotate(n=Count("pk")).order_by("to", "tier"):
        found.setdefault(staff_id, Counter())[tier] += n
    staff = Staff.objects.in_bulk(list(found))
    return [
        {"staff": staff[pk], "clients": tiers.total(), "a": tiers["A"], "b": tiers["B"], "c": tiers["C"]}
        for pk, tiers in found.items()
    ]


@page("clients.reassign")
@require_POST
def undo(request: HttpRequest, handover_id: int) -> HttpResponse:
    """Take a hand-over back."""
    try:
        one = services.undo(handover_id, user=request.user, on=today(), at=now())  # type: ignore[arg-type]
    except Handover.DoesNotExist as error:
        raise Http404 from error
    except Refused as error:
        messages.error(request, str(error.message))
        return redirect("handovers:handover", handover_id)
    if one.stayed:
        messages.warning(request, _("The hand-over is undone. What had moved on since stays where it is."))
    else:
        messages.success(request, _("The hand-over is undone; everything is where it was."))
    return redirect("handovers:handover", handover_id)
