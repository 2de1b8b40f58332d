"""The project: settings, URLs, Celery app, embedded servers."""

from crm.celery import app as celery_app

__all__ = ["celery_app"]
