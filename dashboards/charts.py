"""Data of the dashboards' own charts, as <c-chart> reads them."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from crm.money import UNITS_PER_YUAN
from crm.partitions import month_start
from dashboards import queries
from dashboards.asked import Asked
from dashboards.models import Target
from dashboards.queries import NONE
from dashboards.rules import Period, months_on
from dashboards.sections.money import revenue_url
from forecasts.funds import forecast
from forecasts.words import foretold, open_columns
from org.templatetags.fmt import month as month_text
from org.templatetags.fmt import yuan

#: Months of history in the chart; the forecast learns from all that are kept.
SHOWN = 13


def revenue(asked: Asked) -> dict[str, Any]:
    """Whole months as a line with its forecast; the running month's so far stands in the table, not in the forecast."""
    last = month_start(asked.as_of) if asked.as_of else asked.period.last
    kept = [months_on(last, -back) for back in range(24, -1, -1)]
    found = {month: sums for (_key, month), sums in queries.figures(asked, ["revenue"], kept).items()}
    # A month that still runs would pull the forecast down.
    whole = [month for month in kept if month in found and (month < last or _is_over(asked, month))]
    shown = whole[-SHOWN:]
    most = max((abs(found[month].amount) for month in shown), default=0)
    scale, unit = (UNITS_PER_YUAN * 10_000, _("10k yuan")) if most >= 10**9 else (UNITS_PER_YUAN, _("yuan"))
    amounts = [found[month].amount for month in shown]
    before = [
        found[prior].amount if (prior := month.replace(year=month.year - 1)) in found else None for month in shown
    ]
    goals = _targets(asked)
    series: list[dict[str, Any]] = [_line(_("Revenue"), amounts, scale)]
    predicted = forecast([float(found[month].amount) for month in whole]) if len(whole) > 3 else None
    ahead = [months_on(shown[-1], step + 1) for step in range(len(predicted.middle))] if predicted else []
    if any(value is not None for value in before):
        series.append(_line(_("Year before"), before, scale))
    if goals:
        series.append(_line(_("Target"), [goals.get(month) for month in (*shown, *ahead)], scale))
    for line in series:
        for name in ("values", "exact"):
            line[name] += [None] * (len(shown) + len(ahead) - len(line[name]))
    if predicted is not None:
        start: list[float | None] = [None] * (len(shown) - 1)
        for name, role, ends in (
            (_("Forecast"), "middle", predicted.middle),
            (_("Low end"), "low", predicted.low),
            (_("High end"), "high", predicted.high),
        ):
            joined = [*start, amounts[-1] / scale, *(value / scale for value in ends)]
            series.append({"name": name, "values": joined, "role": role})
    answer = {
        "labels": [month_text(month) for month in (*shown, *ahead)],
        "titles": [*(month_text(month) for month in shown), *(foretold(month, shown[-1]) for month in ahead)],
        "series": series,
        "ahead": len(ahead),
        "unit": unit,
        "names": {"label": _("Month"), "count": _("Clients")},
    }
    behind = [*shown, *(shown[-1:] * len(ahead))]
    open_columns(answer, [revenue_url(asked, month) for month in behind], [found.get(m, NONE).count for m in behind])
    return answer


def _is_over(asked: Asked, month: date) -> bool:
    """Whether the night of the month's last trading day has been."""
    if asked.as_of is None:
        return False
    over, whole = queries.trading_days(month, asked.as_of, Period("month", month).after)
    return over >= whole


def _line(name: str, amounts: list[Any], scale: int) -> dict[str, Any]:
    return {
        "name": name,
        "values": [None if amount is None else amount / scale for amount in amounts],
        "exact": [None if amount is None else f"{yuan(amount)} {_('yuan')}" for amount in amounts],
    }


def _targets(asked: Asked) -> dict[date, int]:
    """Revenue targets of single months of the branch, or of the manager asked about."""
    if asked.branch is None or asked.segment is not None or asked.nobody:
        return {}
    found = Target.objects.visible_to(asked.user).filter(
        branch=asked.branch, staff=asked.manager, kind=Target.Kind.MONTH, goal=Target.Goal.REVENUE
    )
    return dict(found.values_list("first", "value"))
