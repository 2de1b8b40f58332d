"""Fields of the other apps that segments may ask about, and the filter of the client list; registered in `AppConfig.ready`."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients import columns, fields
from clients.fields import Field, Kind
from measures.models import Kind as ClientKind
from measures.models import RfmGroup
from measures.reading import CELLS, SCHEMES, keys_on, names_of
from profiles.models import Background, Psychology
from segmentation.models import Tier
from segments import own_fields, rules
from segments.models import Segment
from segments.services import clients_of

_SEGMENTATION = _("Segmentation")
_FACTS = _("Facts")
_PROFILE = _("Profile")
_PAST = pgettext_lazy("segments", "In the past")


class SegmentFilter(django_filters.NumberFilter):
    """The clients of a segment that the viewer may see; one that is broken, or not the viewer's, finds nobody."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value is None:
            return qs
        user = self.parent.request.user
        segment = Segment.objects.visible_to(user).filter(pk=int(value)).first() if 0 < value < 2**62 else None
        if segment is None:
            return qs.none()
        try:
            return qs.filter(pk__in=clients_of(segment, user).order_by().values("pk"))
        except rules.Broken as error:
            self.parent.notes.extend(error.messages)
            return qs.none()

    @staticmethod
    def words(value: Any, user: Any) -> str:
        """The segment's name."""
        found = Segment.objects.visible_to(user).filter(pk=int(value)).first() if 0 < value < 2**62 else None
        return found.name if found else str(value)


def _then(scheme: str) -> Any:
    def condition(day: Any, keys: list[str]) -> Q:
        sql, values = keys_on(SCHEMES[scheme], day)
        wanted = RawSQL(f"SELECT h.client_id FROM ({sql}) h WHERE h.key = ANY(%s)", [*values, keys])  # noqa: S611
        return Q(pk__in=wanted)

    return condition


def register() -> None:
    """Fields and filter."""
    cells = [(key, names_of(SCHEMES["cell"])[key]) for key in CELLS]
    fields.register(
        Field("tier", _("Tier"), _SEGMENTATION, Kind.CHOICE, "standing__tier", Tier.choices),
        Field("service_tier", _("Service tier"), _SEGMENTATION, Kind.CHOICE, "standing__service_tier", Tier.choices),
        Field("nine_cell", _("Nine cells"), _SEGMENTATION, Kind.CHOICE, "measures__cell", cells),
        Field("rfm_group", _("RFM group"), _SEGMENTATION, Kind.CHOICE, "measures__rfm_group", RfmGroup.choices),
        Field("client_kind", _("Kind of client"), _SEGMENTATION, Kind.CHOICE, "measures__kind", ClientKind.choices),
        Field("score", _("High-value score"), _SEGMENTATION, Kind.NUMBER, "measures__score"),
        Field("contribution", _("Contribution"), _FACTS, Kind.MONEY, "standing__contribution"),
        Field("assets", _("Assets"), _FACTS, Kind.MONEY, "totals__assets"),
        Field("last_trade_on", _("Last trade"), _FACTS, Kind.DATE, "totals__last_trade_on"),
        Field("trades", _("Trades in the window"), _FACTS, Kind.NUMBER, "measures__frequency"),
        Field("turnover", _("Turnover"), _FACTS, Kind.MONEY, "measures__turnover"),
        Field("clv_12m", _("Expected in 12 months"), _FACTS, Kind.MONEY, "value__clv_12m"),
        Field("net_contribution", _("Net contribution"), _FACTS, Kind.MONEY, "profit__net", right="profit.view"),
        Field("background", _("Social background"), _PROFILE, Kind.CHOICE, "profile__background", Background.choices),
        Field("psychology", _("Buying psychology"), _PROFILE, Kind.CHOICE, "profile__psychology", Psychology.choices),
        Field("influence", _("Influence on clients around"), _PROFILE, Kind.NUMBER, "profile__influence"),
        *(
            Field(
                f"was_{scheme.key}",
                scheme.label,
                _PAST,
                Kind.HISTORY,
                choices=cells if scheme.key == "cell" else list(scheme.names.items()),
                then=_then(scheme.key),
            )
            for scheme in SCHEMES.values()
        ),
    )
    fields.register_source(own_fields.PREFIX, own_fields.defined)
    columns.register_filter("segment", lambda: SegmentFilter(label=_("Own segment")))
