"""Dashboards against the floor of the list: a branch's page, the firm's page, the slowest of the branch's parts and charts."""

import os
import re
from html import unescape
from typing import TYPE_CHECKING

from django.utils.timezone import localdate

from analyses import services as analyses
from benchmarks.server import Server, gunicorn
from benchmarks.stopwatch import Result, interleaved, ratio
from benchmarks.web import cookie_of
from dashboards import services
from dashboards.models import Made
from measures import services as measures
from visits import duties

if TYPE_CHECKING:
    from benchmarks.seed import Firm

ROUNDS = 20
_PART = re.compile(r'hx-get="([^"]+/part/[^"]+)"')
_CHART = re.compile(r'data-src="([^"]+)"')


def prepare() -> None:
    """What a night makes for them, unless the benchmark of the night has."""
    from benchmarks.seed import DAY

    if not Made.objects.exists():
        measures.refresh(DAY)
        analyses.refresh(DAY)
        duties.refresh(localdate())
        services.refresh(DAY)


def measure(size: int, firm: "Firm") -> list[Result]:
    prepare()
    environment = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
    with gunicorn("crm.wsgi:application", environment) as server:
        server.cookie = cookie_of(firm.analyst.user)
        results = [_against(server, size, "dashboard_firm", "/dashboards/firm/")]
        server.cookie = cookie_of(firm.head.user)
        start = f"/dashboards/branch/{firm.head.branch.branch_no}/"
        results.append(_against(server, size, "dashboard_branch", start))
        parts = [unescape(url) for url in _PART.findall(server.get(start).decode())]
        charts = [unescape(url) for part in parts for url in _CHART.findall(server.get(part).decode())]
        found = [(_against(server, size, "dashboard_charts", url), url) for url in (*parts, *charts)]
    for result, url in found:
        print(f"   {result.ratio:5.1f}  {url}", flush=True)
    results.append(max((result for result, _url in found), key=lambda one: one.ratio or 0))
    return results


def _against(server: Server, size: int, name: str, path: str) -> Result:
    server.get(path)
    value, base = interleaved(lambda: server.get(path), lambda: server.get("/floor/list/", anonymous=True), ROUNDS)
    return ratio(name, size, value * 1000, base * 1000, "ms")
