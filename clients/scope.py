"""Scope over clients: `org.scope` plus co-management, as a Q for the ORM and as SQL for set-based queries."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from clients.models import CoManager
from org.scope import Scope, scope_of


@dataclass(frozen=True)
class ClientScope:
    """Which clients: all, those of some branches, those of some staff, and some by id (co-managed)."""

    scope: Scope
    co_managed: tuple[int, ...] = ()

    def condition(self, prefix: str = "") -> Q:
        """Condition for a queryset whose client sits behind `prefix` ('' on Client itself, 'client__' on others)."""
        if self.scope.firm:
            return Q()
        wanted = Q(pk__in=[]) if not prefix else Q(**{f"{prefix}pk__in": []})
        if self.scope.branch_ids:
            wanted |= Q(**{f"{prefix}branch__in": list(self.scope.branch_ids)})
        if self.scope.staff_ids:
            wanted |= Q(**{f"{prefix}manager__in": list(self.scope.staff_ids)})
        # A list, not a sub-select: OR with a sub-select would cost the index on the manager.
        if self.co_managed:
            wanted |= Q(**{f"{prefix}pk__in": list(self.co_managed)})
        return wanted

    def sql(self, alias: str, client_column: str = "id") -> tuple[str, dict[str, Any]]:
        """The same as an SQL condition on columns branch_id, manager_id and the client's id of `alias`."""
        if self.scope.firm:
            return "TRUE", {}
        return (
            f"({alias}.branch_id = ANY(%(scope_branches)s) OR {alias}.manager_id = ANY(%(scope_staff)s)"
            f" OR {alias}.{client_column} = ANY(%(scope_clients)s))",
            {
                "scope_branches": list(self.scope.branch_ids),
                "scope_staff": list(self.scope.staff_ids),
                "scope_clients": list(self.co_managed),
            },
        )


def client_scope(user) -> ClientScope:
    """The clients a user may see, worked out once per user object."""
    cached = user.__dict__.get("_client_scope") if user.is_authenticated else None
    if cached is None:
        scope = scope_of(user)
        co_managed: tuple[int, ...] = ()
        if scope.staff_ids:
            co_managed = tuple(CoManager.objects.filter(staff__in=scope.staff_ids).values_list("client_id", flat=True))
        cached = ClientScope(scope, co_managed)
        if user.is_authenticated:
            user.__dict__["_client_scope"] = cached
    return cached
