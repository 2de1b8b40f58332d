"""When fields go stale and records come up (C1); the rule and its SQL say the same."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.models import ClientCare
from clients.rules import CONFIRM_MONTHS, FIRST_REVIEW_SPREAD_DAYS, add_months, field_due_on, review_due_on, spread_days
from clients.services.care import init_care, refresh_reviews
from tests.factories import CareFactory, ClientFactory

OPENED = date(2020, 2, 29)


def due(field, confirmed=None, risk=None):
    return field_due_on(field, confirmed or {}, opened_on=OPENED, risk_valid_until=risk)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 12, 31), 2, date(2025, 2, 28)),
        (date(2024, 5, 15), 24, date(2026, 5, 15)),
        (date(2024, 12, 1), 12, date(2025, 12, 1)),
    ],
)
def test_months_end_on_the_last_day_at_most(day, months, expected):
    assert add_months(day, months) == expected


def test_a_field_goes_stale_its_term_after_the_confirmation_or_the_opening():
    assert due("mobile") == date(2021, 2, 28)
    assert due("mobile", {"mobile": {"on": "2025-03-01"}}) == date(2026, 3, 1)
    assert due("occupation", {"occupation": {"on": "2025-03-01"}}) == date(2027, 3, 1)


def test_the_risk_level_has_its_own_expiry():
    assert due("risk_level", risk=date(2026, 6, 30)) == date(2026, 7, 1)
    assert due("risk_level", {"risk_level": {"on": "2026-06-01"}}, risk=date(2026, 6, 30)) == date(2026, 7, 1)
    assert due("risk_level") is None


def test_fields_without_a_term_never_go_stale():
    assert due("education") is None


def review(confirmed, since=date(2026, 1, 5), risk=None, number="10000001"):
    return review_due_on(confirmed, client_no=number, opened_on=OPENED, since=since, risk_valid_until=risk)


def test_first_reviews_are_spread_over_a_year():
    assert review({}) == date(2026, 1, 5) + timedelta(days=spread_days("10000001"))
    spread = [spread_days(str(number)) for number in range(2000)]
    assert min(spread) >= 0
    assert max(spread) < FIRST_REVIEW_SPREAD_DAYS
    assert len(set(spread)) > 300


def test_a_confirmed_record_comes_up_with_its_earliest_field():
    confirmed = {field: {"on": "2026-02-01"} for field in CONFIRM_MONTHS}
    assert review(confirmed) == date(2027, 2, 1)
    assert review(confirmed | {"risk_level": {"on": "2026-02-01"}}, risk=date(2026, 9, 1)) == date(2026, 9, 2)


days = st.dates(date(2000, 1, 1), date(2030, 12, 31))


@pytest.mark.django_db
@settings(max_examples=60, deadline=None)
@given(
    opened=days,
    since=st.none() | days,
    risk=st.none() | days,
    confirmed=st.dictionaries(st.sampled_from([*CONFIRM_MONTHS, "risk_level", "education"]), days),
)
def test_rule_and_sql_agree(opened, since, risk, confirmed):
    entries = {field: {"on": on.isoformat(), "by": "x"} for field, on in confirmed.items()}
    client = ClientFactory(opened_on=opened, risk_valid_until=risk)
    CareFactory(client=client, confirmed=entries, since=since)
    refresh_reviews()
    assert ClientCare.objects.get(pk=client.pk).review_due_on == review_due_on(
        entries, client_no=client.client_no, opened_on=opened, since=since, risk_valid_until=risk
    )
    client.delete()


@pytest.mark.django_db
def test_care_rows_are_made_once_for_clients_without_one():
    old = CareFactory(since=date(2020, 1, 1), review_due_on=date(2020, 5, 5)).client
    new = ClientFactory()
    on = date(2026, 1, 5)
    assert init_care(on) == 1
    assert init_care(on) == 0
    care = ClientCare.objects.get(pk=new.pk)
    assert care.since == on
    assert on <= care.review_due_on < on + timedelta(days=FIRST_REVIEW_SPREAD_DAYS)
    assert ClientCare.objects.get(pk=old.pk).review_due_on == date(2020, 5, 5)


@pytest.mark.django_db
def test_a_new_risk_expiry_moves_the_review():
    care = CareFactory(
        client__risk_valid_until=date(2026, 3, 1),
        client__file_id=7,
        since=date(2020, 1, 1),
        confirmed={field: {"on": "2026-02-01"} for field in CONFIRM_MONTHS},
    )
    assert refresh_reviews(7) == 1
    care.refresh_from_db()
    assert care.review_due_on == date(2026, 3, 2)
    assert refresh_reviews(7) == refresh_reviews(8) == 0
