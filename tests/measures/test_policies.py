"""A draft of the measure policy (U1): what it says it would move is what the night moves once it is published."""

from datetime import date, timedelta

from measures import policies, services
from measures.models import ClientMeasures, MeasurePolicy
from measures.preview import preview_of
from org.models import Role
from segmentation.ranking import rank
from tests.factories import StaffFactory
from tests.measures.test_measures import DAY, firm, values_of, web  # noqa: F401  fixtures

NEXT = DAY + timedelta(days=3)


def standing():
    """Client → cell, kind and band."""
    rows = ClientMeasures.objects.values_list("client_id", "cell", "kind", "score")
    return {client: (cell, kind, min(score // 20, 4)) for client, cell, kind, score in rows}


def test_the_draft_moves_whom_it_says(firm):  # noqa: F811
    services.refresh(DAY)
    admin, analyst = (StaffFactory(role=role).user for role in (Role.ADMIN, Role.ANALYST))
    same = policies.save_draft(values_of(valid_from=NEXT), by=admin, not_before=DAY)
    assert preview_of(same, DAY, analyst).moved == 0
    wanted = {"medium_from": 900_000, "large_from": 2_000_000, "growth_percent": 90, "cash_months": 4}
    weights = {"weight_contribution": 20, "weight_growth": 50}
    draft = policies.save_draft(values_of(valid_from=NEXT, **wanted, **weights), by=admin, not_before=DAY)
    assert draft.version == same.version, "there is one draft at most"
    before = standing()
    found, own = preview_of(draft, DAY, analyst), preview_of(draft, DAY, firm[0].user)
    assert standing() == before, "nothing is written"
    assert 0 < own.moved < found.moved
    assert {mover["client_no"] for mover in own.movers} < {mover["client_no"] for mover in found.movers}
    policies.publish(draft.version, by=admin, not_before=DAY)
    rank(NEXT)
    services.refresh(NEXT)
    after = standing()
    moved = [client for client in before if before[client] != after[client]]
    assert found.moved == len(moved) == len(found.movers) == sum(count for _no, _name, count in found.branches)
    for number, scheme in enumerate(found.schemes):
        assert scheme.moved == sum(before[c][number] != after[c][number] for c in before) > 0
        assert scheme.moved == sum(count for _from, _to, count in scheme.streams)


def test_drafted_looked_at_published_by_page(firm, web):  # noqa: F811
    services.refresh(DAY)
    admin = StaffFactory(role=Role.ADMIN).user
    web.force_login(admin)
    web.cookies["language"] = "en"
    page = "/policies/measures/"
    assert web.get(f"{page}preview/").status_code == 404
    typed = web.get(page).context["form"].initial | {"medium_from": 100_000, "valid_from": "2099-01-01"}
    assert web.post(page, typed).status_code == 302
    assert b"hx-get" in web.get(page).content
    text = web.get(f"{page}preview/").content.decode()
    assert "Would move" in text
    assert "Small" in text
    draft = policies.open_draft()
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    assert web.post(f"{page}{draft.version}/publish/").status_code == 403
    assert web.post(f"{page}{draft.version}/discard/").status_code == 403
    web.force_login(admin)
    assert web.post(f"{page}{draft.version}/publish/").status_code == 302
    assert policies.policy_on(date(2099, 1, 1)).medium_from == 100_000
    assert web.post(f"{page}{draft.version}/discard/").status_code == 404, "a published version stays"
    assert web.post(page, typed | {"note": "once more"}).status_code == 302
    assert web.post(f"{page}{draft.version + 1}/discard/").status_code == 302
    assert not MeasurePolicy.objects.filter(state="draft").exists()


def test_the_card_says_when_it_was_measured_and_since_when_it_stands_so(firm, web):  # noqa: F811
    services.refresh(DAY)
    admin = StaffFactory(role=Role.ADMIN).user
    weights = {"weight_influence": 5, "weight_social": 15}
    draft = policies.save_draft(values_of(valid_from=NEXT, **weights), by=admin, not_before=DAY)
    policies.publish(draft.version, by=admin, not_before=DAY)
    rank(NEXT)
    services.refresh(NEXT)
    web.force_login(firm[0].user)
    same = ClientMeasures.objects.filter(client__manager=firm[0], as_of=DAY).select_related("client").first()
    page = web.get(f"/clients/{same.client.client_no}/").content.decode()
    assert "as of 2026-11-23, unchanged since 2026-11-20" in page
    card = page[page.index('id="segments"') :]
    assert ">15%<" in card, "the weights are those of the newest run, not of the day of the last change"
