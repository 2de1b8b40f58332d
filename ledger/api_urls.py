"""API routes of the intake."""

from ledger.api import IntakeViewSet

routes = [("intake", IntakeViewSet, "intake")]
