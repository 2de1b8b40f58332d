"""What the charts with a forecast say."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from org.templatetags.fmt import month as month_text


def foretold(month: date, last: date) -> str:
    """A month to come, with the month whose clients its forecast rests on."""
    return _("%(month)s (forecast from the clients of %(last)s)") % {
        "month": month_text(month),
        "last": month_text(last),
    }


def open_columns(data: dict[str, Any], urls: list[str], clients: list[int]) -> None:
    """Let each column of a chart's data open its list; history and forecast say how many clients are in it."""
    data["urls"] = urls
    for number, line in enumerate(data["series"]):
        if number == 0 or line.get("role") == "middle":
            line["counts"] = clients
