"""Routes of the API."""

from nights.api import NightViewSet

routes = [("nights", NightViewSet, "night")]
