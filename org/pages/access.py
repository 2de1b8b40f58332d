"""Grants of client data, API tokens, the audit trail."""

from datetime import timedelta
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.clock import now, today
from org import audit, services
from org.api_auth import make_token, revoke_token
from org.forms import AuditForm, GrantForm, TokenForm, take_errors
from org.models import ApiToken, ClientDataGrant
from org.pages.staff import pager
from org.pages.tabs import tabs
from org.queries import audit_page, audit_rows
from org.rights import may
from org.scope import people_scope_of
from org.views import page


def _grants(request: HttpRequest) -> QuerySet[ClientDataGrant]:
    """Grants that concern the viewer's branches."""
    scope = people_scope_of(request.user)
    rows = ClientDataGrant.objects.select_related("user__staff", "branch", "granted_by__staff")
    return rows.filter(scope.branch_condition("branch")).order_by("-until", "-pk")


@page("grants.view", post="grants.edit")
def grants(request: HttpRequest) -> HttpResponse:
    """Who may see whose clients for a time; POST grants it."""
    user: Any = request.user
    form = None
    if may(user, "grants.edit"):
        form = GrantForm(request.POST or None, user=user, on=today(), firm=people_scope_of(user).firm)
        if request.method == "POST" and form.is_valid():
            try:
                services.grant_client_data(**form.cleaned_data, by=user, on=today())
            except ValidationError as error:
                take_errors(form, error)
            else:
                messages.success(request, _("Granted."))
                return redirect("org:grants")
    context = {"form": form, "rows": _grants(request)[:200], "on": today(), "tabs": tabs(request)}
    return render(request, "org/grants.html", context)


@page("grants.edit")
@require_POST
def end_grant(request: HttpRequest, grant_id: int) -> HttpResponse:
    """End a grant now."""
    services.end_grant(get_object_or_404(_grants(request), pk=grant_id), by=request.user, on=today())  # type: ignore[arg-type]
    messages.success(request, _("The grant is ended."))
    return redirect("org:grants")


@page("tokens.edit")
@reauthentication_required(allow_get=True)
def tokens(request: HttpRequest) -> HttpResponse:
    """Tokens of service accounts; POST makes one and shows it, this once."""
    user: Any = request.user
    form = TokenForm(request.POST or None, user=user)
    secret = ""
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        until = now() + timedelta(days=asked["days"])
        _row, secret = make_token(
            name=asked["name"], scopes=asked["scopes"], branch=asked["branch"], expires_at=until, by=user
        )
        form = TokenForm(user=user)
    rows = ApiToken.objects.select_related("branch").order_by("-pk")
    context = {"form": form, "rows": rows[:200], "secret": secret, "now": now(), "tabs": tabs(request)}
    return render(request, "org/tokens.html", context)


@page("tokens.edit")
@require_POST
def end_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke a token at once."""
    revoke_token(get_object_or_404(ApiToken, pk=token_id), by=request.user)  # type: ignore[arg-type]
    messages.success(request, _("The token is revoked."))
    return redirect("org:tokens")


@page("audit.view")
@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """The audit trail, newest first, by user, action, object and day. Looking is written down as well."""
    form = AuditForm(request.GET)
    wanted = form.wanted()
    try:
        found = audit_page(audit_rows(wanted), key=request.GET.get("after", ""))
    except ValueError:
        raise Http404 from None
    if "after" not in request.GET:
        asked = {name: str(value) for name, value in vars(wanted).items() if value}
        audit.record("audit.view", user=request.user, detail=asked)
        audit.note_clients([wanted.client_no] if wanted.client_no else ())
    for row in found.rows:
        row.label = audit.ACTIONS.get(row.action, row.action)
    context = {"form": form, "rows": found.rows, "pager": pager(request, found), "newest": "after" in request.GET}
    return render(request, "org/audit.html", context)
