"""What hand-overs add to the client list: the clients of one."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clients import columns
from handovers.models import Handover, Move


class HandoverFilter(django_filters.NumberFilter):
    """The clients of a hand-over that the user may see."""

    def __init__(self, **more: Any) -> None:
        super().__init__(widget=forms.HiddenInput, label=_("Hand-over"), **more)

    @staticmethod
    def words(value: str, user: Any) -> str:
        """Whose book it was."""
        found = Handover.objects.visible_to(user).select_related("former").filter(pk=value).first()
        return f"{found.former.name} ({found.on.isoformat()})" if found else value

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value in (None, ""):
            return qs
        return qs.filter(pk__in=Move.objects.filter(handover=int(value), what="client").values("client_id"))


def register() -> None:
    columns.register_filter("handover", HandoverFilter)
