"""API routes of the call-backs."""

from callbacks.api import CallbackViewSet

routes = [("callbacks", CallbackViewSet, "callback")]
