"""Pages of the call-backs (H1): the queue, one call, the quota of the branches."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from callbacks import queries, services
from callbacks.forms import CallForm
from callbacks.models import Callback, Draw, branches_of
from callbacks.words import QUESTIONS, REASONS
from clients.errors import Conflict, Refused
from crm.clock import now, today
from org import audit
from org.forms import take_errors
from org.rights import may
from org.views import page

ROWS = 50
VIEWS = ("open", "mine", "late", "abnormal", "done")


def _chosen(view: str, user: Any) -> Q:
    is_open = Q(state=Callback.State.OPEN)
    return {
        "open": is_open,
        "mine": is_open & Q(agent=getattr(user, "staff", None)),
        "late": is_open & Q(due_on__lt=today()),
        "abnormal": ~Q(abnormal=[]) & Q(looked_at=None),
        "done": ~is_open,
    }[view]


@page("callbacks.view")
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Call-backs of the viewer's branches, the most urgent first."""
    user: Any = request.user
    view = request.GET.get("view") if request.GET.get("view") in VIEWS else "open"
    seen = Callback.objects.visible_to(user)
    counts = seen.aggregate(**{name: Count("pk", filter=_chosen(name, user)) for name in VIEWS})
    order = ("-done_at", "-pk") if view == "done" else ("due_on", "pk")
    found = seen.filter(_chosen(str(view), user)).select_related("client__branch", "agent").order_by(*order)
    rows = Paginator(found, ROWS).get_page(request.GET.get("page"))
    audit.note_clients([row.client.client_no for row in rows])
    audit.record_read("callbacks", user=user, rows=len(rows.object_list), filters={str(view)})
    context = {
        "rows": rows,
        "view": view,
        "counts": counts,
        "today": today(),
        "pager": {
            "previous_url": f"?{urlencode({'view': view, 'page': rows.number - 1})}" if rows.has_previous() else "",
            "next_url": f"?{urlencode({'view': view, 'page': rows.number + 1})}" if rows.has_next() else "",
            "label": f"{rows.number} / {rows.paginator.num_pages}",
        },
        "personal": True,
    }
    return render(request, "callbacks/queue.html", context)


@page("callbacks.record")
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """The next one for the caller."""
    found = services.take(user=request.user, on=today())  # type: ignore[arg-type]
    if found is None:
        messages.info(request, _("Nobody waits for a call."))
        return redirect("callbacks:queue")
    return redirect("callbacks:callback", found.pk)


@page("callbacks.view", post="callbacks.record")
def callback(request: HttpRequest, callback_id: int) -> HttpResponse:
    """One call-back with the client's number and hours; POST writes a call down."""
    user: Any = request.user
    found = Callback.objects.visible_to(user).select_related(
        "client__branch", "client__care", "agent", "looked_by__staff"
    )
    row = get_object_or_404(found, pk=callback_id)
    form = CallForm(request.POST or None, initial={"version": row.version})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                done = services.record(row.pk, form.call(), user=user, at=now(), version=form.cleaned_data["version"])
            except ValidationError as error:
                take_errors(form, error)
            except Refused as error:
                form.add_error(None, str(error.message))
            except Conflict:
                status = 409
                form.add_error(None, _("Somebody else wrote a call down in between. Look at it, then decide."))
                form.data = request.POST.dict() | {"version": str(row.version)}
            else:
                messages.success(request, _("The call is written down."))
                return redirect("callbacks:callback", done.pk)
    audit.note_clients([row.client.client_no])
    audit.record("callback.open", user=user, object_kind="client", object_no=row.client.client_no)
    context = {
        "row": row,
        "form": form,
        "calls": row.calls.select_related("by__staff").order_by("-at", "-pk"),
        "answers": [(QUESTIONS[key], row.answers[key], key in row.abnormal) for key in QUESTIONS if key in row.answers],
        "reason": REASONS.get(row.reason, row.reason),
        "may_record": row.state == Callback.State.OPEN and may(user, "callbacks.record"),
        "may_steer": may(user, "callbacks.steer"),
        "personal": True,
    }
    return render(request, "callbacks/callback.html", context, status=status)


@page("callbacks.steer")
@require_POST
def dispense(request: HttpRequest, callback_id: int) -> HttpResponse:
    """Do without a call-back."""
    version = request.POST.get("version", "")
    try:
        services.dispense(
            callback_id,
            request.POST.get("reason", ""),
            user=request.user,  # type: ignore[arg-type]
            at=now(),
            version=int(version) if version.isdecimal() and len(version) < 9 else 0,
        )
    except Callback.DoesNotExist as error:
        raise Http404 from error
    except Conflict:
        messages.error(request, _("Somebody else wrote a call down in between. Look at it, then decide."))
    except (Refused, ValidationError) as error:
        messages.error(request, str(getattr(error, "message", "")) or " ".join(error.messages))  # type: ignore[union-attr]
    else:
        messages.success(request, _("The call-back is dispensed with."))
    return redirect("callbacks:callback", callback_id)


@page("callbacks.steer")
@require_POST
def look(request: HttpRequest, callback_id: int) -> HttpResponse:
    """What compliance found out."""
    try:
        services.look(callback_id, request.POST.get("finding", ""), user=request.user, at=now())  # type: ignore[arg-type]
    except Callback.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(texts[0] for texts in error.message_dict.values()))
    else:
        messages.success(request, _("The finding is kept."))
    return redirect("callbacks:callback", callback_id)


@page("callbacks.meter")
@require_GET
def meter(request: HttpRequest) -> HttpResponse:
    """How far each branch of the viewer's is with the year's quota; numbers alone."""
    year = request.GET.get("year", "")
    wanted = int(year) if year.isdecimal() and len(year) == 4 else today().year
    rows = queries.meter(branches_of(request.user), wanted, today())
    draw = Draw.objects.filter(year=wanted).first()
    context = {
        "rows": rows,
        "year": wanted,
        "years": list(Draw.objects.order_by("-year").values_list("year", flat=True)),
        "draw": draw,
        "total": {
            name: sum(getattr(row, name) for row in rows)
            for name in ("eligible", "quota", "reached", "open", "lost", "new", "new_reached", "new_late", "abnormal")
        },
        "may_steer": may(request.user, "callbacks.steer"),
    }
    return render(request, "callbacks/meter.html", context)


@page("callbacks.steer")
@require_POST
def top_up(request: HttpRequest) -> HttpResponse:
    """Draw on where refusals and unreached clients keep a branch from its quota."""
    year = request.POST.get("year", "")
    try:
        added = services.top_up(int(year) if year.isdecimal() and len(year) == 4 else 0, user=request.user, at=now())  # type: ignore[arg-type]
    except Draw.DoesNotExist as error:
        raise Http404 from error
    except IntegrityError:  # drawn at the same time by somebody else
        added = 0
    messages.success(request, _("%(n)s more clients are on the list.") % {"n": added})
    return redirect("callbacks:meter")
