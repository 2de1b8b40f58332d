"""How views stand in the description beyond what the library reads off them: chosen fields, orders on offer."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from org.api_base import ScopedViewSet
from org.api_versions import GOING

_FIELDS = OpenApiParameter(
    "fields", str, description="Names of fields, with commas: these alone are given, and the keys. All if absent"
)


class Described(AutoSchema):
    """Adds `fields` and `ordering` where a view takes them, and says what will go."""

    def is_deprecated(self) -> bool:
        view: Any = self.view
        names = {"list": "list", "create": "list"}
        action = getattr(view, "action", "") or ""
        extra = getattr(getattr(view, action, None), "url_name", "")
        return f"api:{getattr(view, 'basename', '')}-{extra or names.get(action, 'detail')}" in GOING

    def get_override_parameters(self) -> list[Any]:
        more: list[OpenApiParameter] = []
        view: Any = self.view
        if self.method == "GET" and isinstance(view, ScopedViewSet) and view.action in ("list", "retrieve"):
            more.append(_FIELDS)
        if more and view.action == "list":
            names = [name for key in view.orderings for name in (key, f"-{key}")]
            if names:
                more.append(OpenApiParameter("ordering", str, enum=names, description="`-`: the other way round"))
        return [*super().get_override_parameters(), *more]
