"""API routes of the change feed and of webhooks."""

from feed.api import ChangeViewSet
from feed.api_webhooks import WebhookViewSet

routes = [("changes", ChangeViewSet, "change"), ("webhooks", WebhookViewSet, "webhook")]
