"""API routes of client profit."""

from profit.api import CostMonthViewSet, ProfitViewSet, ProposalViewSet

routes = [
    ("profit", ProfitViewSet, "profit"),
    ("cost-months", CostMonthViewSet, "cost-month"),
    ("remote-proposals", ProposalViewSet, "remote-proposal"),
]
