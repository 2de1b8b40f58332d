"""The product's settings plus the floor views, so that both run in the same server."""

from crm.settings import *  # noqa: F403
from crm.settings import TEMPLATES

ROOT_URLCONF = "benchmarks.urls"
TEMPLATES[0]["DIRS"].append(BASE_DIR / "benchmarks" / "templates")  # noqa: F405
