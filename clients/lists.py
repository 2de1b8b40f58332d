"""The client list: its own columns, filters and actions (C1, C7, C9)."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from html import escape
from urllib.parse import quote

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients import columns
from clients.filters import ClientFilter, client_filter
from clients.models import Client, SavedView, Status
from clients.scope import client_scope
from org.listing import Action, Column, Kind, Listing, Mask
from org.masking import mask_mobile, mask_name
from org.models import MANAGING, Staff
from org.templatetags.fmt import NOTHING, day, icon

STATUS_WORDS = dict(Status.choices)


def name_cell(name: str, client_no: str, silent: bool | None) -> SafeString:
    """The name as the way to the record, with a sign where the client does not want to be contacted."""
    sign = ""
    if silent:
        sign = format_html('<span class="crm-silent" title="{}">{}</span> ', gettext("Do not contact"), icon("ban"))
    return mark_safe(f'{sign}<a href="{record_url(client_no)}">{escape(name)}</a>')  # noqa: S308


def record_url(client_no: str) -> str:
    """Address of a client's record; as `reverse` makes it, without its cost for each row."""
    return f"{_list_url(get_script_prefix())}{quote(client_no, safe='')}/"


@cache
def _list_url(script_prefix: str) -> str:
    return reverse("clients:list")


def status_cell(status: str) -> SafeString:
    return format_html('<span class="crm-state crm-state-{}">{}</span>', status, STATUS_WORDS.get(status, status))


def day_cell(value: date | None) -> str:
    return day(value)


OWN_COLUMNS = (
    Column(
        key="name",
        label=_("Name"),
        reads=("name", "client_no", "care__do_not_contact"),
        cell=name_cell,
        export=lambda name, client_no, silent: name,
        sort="name_key",
        mask=mask_name,
        masked=Mask.BY_POLICY,
    ),
    Column(key="client_no", label=_("Client number"), reads=("client_no",), sort="no_key"),
    Column(key="branch", label=_("Branch"), reads=("branch__name",), sort="branch__branch_no"),
    Column(
        key="manager",
        label=_("Manager"),
        reads=("manager__name",),
        cell=lambda name: name or NOTHING,
        sort="manager__name",
        nullable=True,
    ),
    Column(key="status", label=_("Status"), reads=("status",), cell=status_cell, sort="status"),
    Column(
        key="risk", label=_("Risk level"), reads=("risk_level",), cell=lambda level: level or NOTHING, sort="risk_level"
    ),
    Column(
        key="mobile",
        label=_("Mobile"),
        reads=("mobile",),
        cell=lambda mobile: mobile or NOTHING,
        mask=mask_mobile,
        masked=Mask.ALWAYS,
        shown=False,
    ),
    Column(
        key="opened_on",
        label=_("Opened on"),
        reads=("opened_on",),
        cell=day_cell,
        kind=Kind.DATE,
        sort="opened_on",
        down_first=True,
        shown=False,
    ),
    Column(
        key="review_due_on",
        label=_("Review due on"),
        reads=("care__review_due_on",),
        cell=day_cell,
        kind=Kind.DATE,
        sort="care__review_due_on",
        nullable=True,
        tie="care__client_id",
        shown=False,
    ),
    Column(
        key="core_as_of",
        label=_("Reported on"),
        reads=("core_as_of",),
        cell=day_cell,
        kind=Kind.DATE,
        sort="core_as_of",
        down_first=True,
        shown=False,
    ),
)


@cache
def _filterset() -> type[ClientFilter]:
    return client_filter()


class ClientListing(Listing):
    """Clients in the viewer's scope."""

    name = "clients"
    title = _("Clients")
    number = "client_no"
    client_path = "client_no"
    default_sort = "-contribution"
    view_model = SavedView
    export_right = "clients.export"
    search_param = "q"
    url_name = "clients:list"
    export_url_name = "clients:export"
    views_url_name = "clients:views"
    empty_title = _("No clients yet")
    empty_text = _("Clients come with the core system's nightly files; you see your own and those of your branch.")

    @cached_property
    def filterset(self) -> type[ClientFilter]:  # type: ignore[override]  apps register their filters after the import
        return _filterset()

    def all_columns(self) -> Sequence[Column]:
        name, *rest = OWN_COLUMNS
        return [name, rest[0], *columns.registered(), *rest[1:]]

    def base(self) -> QuerySet[Client]:
        return Client.objects.visible_to(self.request.user)

    @property
    def counts_first(self) -> bool:
        """A manager's book is small, and the whole firm has an index for its order."""
        scope = client_scope(self.request.user).scope
        return bool(self.state.filters) if scope.firm else bool(scope.branch_ids)

    def actions(self) -> Sequence[Action]:
        return (
            Action(
                "reassign",
                _("Re-assign"),
                "switch-horizontal",
                reverse("clients:reassign"),
                right="clients.reassign",
                dialog="clients/reassign_dialog.html",
            ),
            Action("confirm", _("Confirmed today"), "checkbox", reverse("clients:confirm_many"), right="clients.edit"),
        )


def managers_for(request: HttpRequest, on: date) -> QuerySet[Staff]:
    """Staff to whom the viewer may hand clients: in service, of a branch in the viewer's scope."""
    return (
        Staff.objects.visible_to(request.user)
        .serving(on)
        .filter(role__in=MANAGING)
        .select_related("branch")
        .order_by("branch__branch_no", "name")
    )
