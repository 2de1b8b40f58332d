"""A firm on its first day: one branch, its people, no client, no file, no night. No page fails; each says what to do."""

import re

import pytest
from django.test import Client

from org.models import Role
from org.navigation import PLACES, _pages, address
from org.rights import may
from tests.factories import BranchFactory, StaffFactory

pytestmark = pytest.mark.django_db
SAYS_SO = re.compile(r'class="crm-(empty|note)\b')
#: Pages that are a form or a list of what is never empty: the staff, the policies, one's own settings.
NEVER_EMPTY = {"org:settings", "org:staff", "segmentation:policies", "measures:policy"}


def places() -> list[tuple[str, str]]:
    """(URL name, right) of every page of the navigation, those behind an entry too."""
    found = {place.url_name: place.right for place in PLACES}
    for pages in _pages.values():
        found |= {page.url_name: page.right for page in pages}
    return sorted(found.items())


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("role", Role)
def test_every_page_answers_on_the_first_day(role, language):
    staff = StaffFactory(branch=BranchFactory(), role=role)
    staff.user.language = language
    staff.user.save(update_fields=["language"])
    browser = Client()
    browser.force_login(staff.user)
    silent = []
    for name, right in places():
        answer = browser.get(address(name), follow=True)
        allowed = not right or may(staff.user, right)
        assert answer.status_code == (200 if allowed else 403), name
        content = answer.content.decode().partition("<main")[2]
        if allowed and name not in NEVER_EMPTY and not SAYS_SO.search(content):
            silent.append(name)
    assert silent == []
