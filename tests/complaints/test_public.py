"""By link, without a log-in: the public form and its protection, satisfaction (X3, X6)."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse

from complaints.models import Complaint, FollowUp
from complaints.services import public
from complaints.verify import broken
from crm.clock import now
from tests.complaints.cases import Office
from tests.complaints.test_pages import browser

pytestmark = pytest.mark.django_db
SENT = {
    "narrative": "<script>x</script> Nobody answers",
    "wish": "heard",
    "complainant": "王五",
    "contact": "13800001234",
}


@pytest.fixture
def office() -> Office:
    cache.clear()
    return Office()


def test_a_stranger_complains_by_the_link_that_staff_gave_out(office):
    page = browser(office.officer).get(reverse("complaints:links")).content.decode()
    url = reverse("complaints:public", args=[public.form_token(office.branch, user=office.officer.user)])
    assert url.split("/")[1] in page
    answer = Browser(headers={"Accept-Language": "en"}).post(url, SENT)
    complaint = Complaint.objects.get()
    assert complaint.number in answer.content.decode()
    assert (complaint.receiver, complaint.handler, complaint.client, complaint.party) == (
        None, office.officer, None, "non_client",
    )  # fmt: skip
    shown = browser(office.officer).get(reverse("complaints:case", args=[complaint.number])).content.decode()
    assert "<script>x" not in shown


def test_programs_and_floods_are_kept_out(office):
    url = reverse("complaints:public", args=[public.form_token(office.branch, user=office.officer.user)])
    stranger = Browser()
    assert stranger.post(url, SENT | {"website": "http://x"}).status_code == 200
    assert not Complaint.objects.exists()
    codes = [stranger.post(url, SENT).status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2
    assert Complaint.objects.count() == 5
    assert stranger.post(url, {"narrative": "short"}).status_code == 422
    for forged in ("nothing", url.rstrip("/").rsplit("/")[-1][:-2] + "xx"):
        assert stranger.get(reverse("complaints:public", args=[forged])).status_code == 404


def test_the_client_says_once_how_satisfied_he_is(office):
    started = now() - timedelta(days=2)
    complaint = office.walk(office.take_in(at=started), "closed", at=started)
    page = browser(office.officer).get(reverse("complaints:ask", args=[complaint.number, 7])).content.decode()
    token = public.ask_token(FollowUp.objects.get(days=7))
    url = reverse("complaints:satisfaction", args=[token])
    assert "your-opinion" in page
    stranger = Browser()
    assert stranger.post(url, {"satisfaction": "9"}).status_code == 422
    assert stranger.post(url, {"satisfaction": "4", "note": "Fine now"}).status_code == 302
    assert stranger.post(url, {"satisfaction": "1"}).status_code == 200
    row = FollowUp.objects.get(days=7)
    assert (row.satisfaction, row.note) == (4, "Fine now")
    assert list(broken()) == []
    assert stranger.get(reverse("complaints:satisfaction", args=["forged"])).status_code == 404
