"""A complaint in the browser: taken in by the manager, handed over, worked and closed by the officer, followed up (X1–X6)."""

from playwright.sync_api import Page, expect

from complaints.models import Complaint, FollowUp
from tests.complaints.cases import Office


def test_from_intake_to_followed_up_by_two_people(page: Page, live_server, sign_in, transactional_db, expect_fault):
    expect_fault("422")
    office = Office()
    sign_in(office.manager, language="en")
    page.goto(f"{live_server.url}/complaints/new/")
    page.get_by_label("Facts as told").fill("You sold me a fund I did not want.")
    page.get_by_label("Client number").fill(office.client.client_no)
    page.get_by_role("button", name="Register").click()
    number = Complaint.objects.get().number
    expect(page.get_by_role("heading", level=1)).to_contain_text(number)
    expect(page.locator("[aria-current=step]")).to_contain_text("Let the client speak")
    page.locator("summary", has_text="Hand over").click()
    hand_over = page.locator("form[action$='/act/handover/']")
    hand_over.get_by_label("To").select_option(office.officer.staff_no)
    hand_over.get_by_label("Reason").fill("Complaints are hers")
    hand_over.get_by_role("button", name="Hand over").click()
    expect(page.locator(".crm-timeline").first).to_contain_text("Handed over")

    sign_in(office.officer, language="en")
    page.goto(f"{live_server.url}/complaints/?mine=true")
    page.get_by_role("link", name=number).click()
    page.get_by_role("button", name="Accept").click()
    going_on = page.get_by_role("button", name="Keep, and on to the next step")
    page.get_by_label("What the client feels").fill("Angry, acknowledged")
    going_on.click()
    # Not restated yet: said, and nothing typed is lost.
    expect(page.get_by_role("alert")).to_contain_text("Restated")
    expect(page.get_by_label("What the client feels")).to_have_value("Angry, acknowledged")
    page.get_by_label("Restated, and the client said").check()
    going_on.click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Apologise")
    page.get_by_label("How we apologised").fill("For the wait")
    page.get_by_label("What was done so that").fill("No more calls")
    going_on.click()
    page.get_by_label("What was found").fill("Risk sheet not shown")
    page.get_by_label("What was looked at").fill("Recording")
    going_on.click()
    page.get_by_label("Who is responsible").select_option("firm")
    page.get_by_label("On what grounds").fill("Duty to inform")
    page.get_by_label("Proposal 1", exact=True).fill("Written explanation")
    going_on.click()
    promise = page.locator("form[action$='/act/promise/']")
    promise.get_by_label("What is promised").fill("Write by Monday")
    promise.get_by_label("Until").fill("2030-01-07")
    promise.get_by_role("button").click()
    page.get_by_label("What the client chose").select_option("1")
    page.get_by_label("What the client said to it").fill("Agreed")
    page.get_by_label("Evidence").fill("Signed letter")
    going_on.click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Keep the promise")
    _end(page)
    expect(page.locator(".crm-head")).to_contain_text("Closed")
    follow = page.locator("form[action$='/follow-up/7/']")
    follow.get_by_label("Satisfaction").select_option("5")
    follow.get_by_role("button", name="Record").click()
    expect(page.get_by_text("Satisfaction 5 of 5").first).to_be_visible()
    assert FollowUp.objects.get(days=7).satisfaction == 5


def _end(page: Page) -> None:
    answer = page.locator("form[action$='/act/answer/']")
    answer.get_by_label("Answer to the client").fill("We explain it in writing.")
    answer.get_by_label("Given how").fill("Letter")
    answer.get_by_role("button").click()
    follow = page.locator("form[action$='/act/follow/']")
    follow.get_by_label("The promise was kept").check()
    follow.get_by_label("What was found").fill("She has the letter")
    follow.get_by_role("button").click()
    page.get_by_label("How the promises were carried out").fill("Written on Friday")
    page.get_by_role("button", name="Keep", exact=True).click()
    close = page.locator("form[action$='/act/close/']")
    close.get_by_label("Result").select_option("upheld")
    close.get_by_label("Root cause").select_option("information")
    close.get_by_label("What proves").fill("Receipt")
    close.get_by_role("button").click()
