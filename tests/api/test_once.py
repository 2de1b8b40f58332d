"""`Idempotency-Key` (N3): what was done is not done twice, and nobody gets an answer that is not his."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone

from org.api_auth import make_token, revoke_token
from org.idempotency import forget
from org.models import ApiToken, IdempotencyKey, Role
from org.rights import TOKEN_SCOPES
from segments.models import Segment
from tests.factories import StaffFactory
from tests.org.world import SEGMENT_RULE

BODY = {"name": "Core", "rule": SEGMENT_RULE}


@pytest.fixture
def firm(db):
    admin = StaffFactory(role=Role.ADMIN)

    def token() -> str:
        until = timezone.now() + timedelta(days=1)
        return make_token(name="x", scopes=list(TOKEN_SCOPES), branch=None, expires_at=until, by=admin.user)[1]

    return admin, token


def post(token: str, key: str, **change: object):
    return Browser().post(
        "/api/v1/segments/",
        json.dumps(BODY | change),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {token}",
        **({"HTTP_IDEMPOTENCY_KEY": key} if key else {}),
    )


def test_the_same_key_gives_the_first_answer_again(firm):
    _admin, token = firm
    secret = token()
    first, second = post(secret, "k1"), post(secret, "k1")
    assert (first.status_code, second.status_code) == (201, 201), first.content
    assert second.content == first.content
    assert second.headers["ETag"] == first.headers["ETag"]
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
    assert Segment.objects.count() == 1


def test_without_a_key_or_with_another_it_happens_again(firm):
    _admin, token = firm
    secret = token()
    for number, key in enumerate(("", "", "k1", "k2")):
        post(secret, key, name=f"Core {number}")
    assert Segment.objects.count() == 4


def test_another_body_under_the_same_key_is_refused(firm):
    _admin, token = firm
    secret = token()
    post(secret, "k1")
    answer = post(secret, "k1", name="Other")
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]
    assert Segment.objects.count() == 1


def test_after_a_refusal_the_key_is_free(firm):
    _admin, token = firm
    secret = token()
    assert post(secret, "k1", rule={"nonsense": 1}).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert post(secret, "k1").status_code == 201


def test_a_key_is_its_askers_own_and_the_asker_must_still_be_let_in(firm):
    admin, token = firm
    mine, theirs = token(), token()
    post(mine, "k1")
    assert "Idempotency-Replayed" not in post(theirs, "k1", name="Other").headers
    revoke_token(ApiToken.objects.order_by("pk")[0], by=admin.user)
    assert post(mine, "k1").status_code == 401


def test_a_day_later_the_key_is_free(firm):
    _admin, token = firm
    secret = token()
    post(secret, "k1")
    IdempotencyKey.objects.update(at=timezone.now() - timedelta(hours=25))
    assert "Idempotency-Replayed" not in post(secret, "k1", name="Other").headers
    assert forget(timezone.now()) == 0
    assert forget(timezone.now() + timedelta(hours=25)) == 1


@pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
def test_a_key_that_is_none_is_refused(firm, key):
    _admin, token = firm
    assert post(token(), key).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_four_at_once_do_it_once(firm):
    _admin, token = firm
    secret = token()

    def go(_number: int):
        answer = post(secret, "k1")
        connections.close_all()
        return answer

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(go, range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert Segment.objects.count() == 1
