"""The life-cycle stage of a client and what suits it (C2), when prospects are let go of (C12)."""

from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

#: Months without a change after which a prospect's data are deleted (domain: 12–24 months).
KEEP_MONTHS = 24


@dataclass(frozen=True)
class Stage:
    """A stage of life from an age on (whole years): what it can bear, what it wants."""

    key: str
    from_age: int
    label: str | Promise
    bears: str | Promise
    wants: str | Promise


STAGES = (
    Stage(
        "growth", 0, pgettext_lazy("life cycle", "Growth"),
        _("Decides through the guardians; little money, a long time."),
        _("Savings for education, first lessons in money."),
    ),
    Stage(
        "youth", 18, pgettext_lazy("life cycle", "Youth"),
        _("Small sums, a long horizon, can bear swings."),
        _("Simple online service, regular saving, learning to invest."),
    ),
    Stage(
        "adult", 30, pgettext_lazy("life cycle", "Adult"),
        _("Rising income, house and children; can bear risk with the free part."),
        _("Growth of assets, protection of the family, time-saving service."),
    ),
    Stage(
        "mature", 40, pgettext_lazy("life cycle", "Mature"),
        _("Highest income and assets, experienced; can bear moderate to high risk."),
        _("A plan for the whole wealth, personal advice, access to new products."),
    ),
    Stage(
        "stable", 50, pgettext_lazy("life cycle", "Stable"),
        _("Assets are made; losses are hard to make good."),
        _("Keeping and steady yield, preparation of retirement, recognition."),
    ),
    Stage(
        "retired", 60, pgettext_lazy("life cycle", "Retired"),
        _("Lives on the assets; hardly any risk."),
        _("Income and ready money, care in person, handing on to the family."),
    ),
)  # fmt: skip


def age_on(birth_date: date, on: date) -> int:
    """Completed years; whoever is born on 29 February has the birthday on 1 March in other years."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def stage_on(birth_date: date | None, on: date) -> Stage | None:
    """The stage on a date; None without a birth date or before the birth."""
    if birth_date is None or birth_date > on:
        return None
    age = age_on(birth_date, on)
    return next(stage for stage in reversed(STAGES) if age >= stage.from_age)


def latest_birth(age: int, on: date) -> date:
    """The latest birth date of whoever is at least `age` on a date: turns a stage into a span of birth dates."""
    try:
        return on.replace(year=on.year - age)
    except ValueError:  # 29 February
        return date(on.year - age, 2, 28)


def let_go_before(on: date) -> date:
    """Prospects not changed since then are deleted."""
    number = on.year * 12 + on.month - 1 - KEEP_MONTHS
    return date(number // 12, number % 12 + 1, min(on.day, 28))
