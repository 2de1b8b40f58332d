"""API routes of the clients."""

from clients.api import ClientViewSet

routes = [("clients", ClientViewSet, "client")]
