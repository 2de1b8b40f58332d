"""Words of the forecasts."""

from datetime import date

from django.utils.translation import gettext as _

from org.templatetags.fmt import month as month_text


def foretold(month: date, last: date) -> str:
    """A month to come, with the month whose clients its forecast rests on."""
    return _("%(month)s (forecast from the clients of %(last)s)") % {
        "month": month_text(month),
        "last": month_text(last),
    }
