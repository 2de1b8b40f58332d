"""Every act that the code writes into the audit trail has a name on the audit page."""

import re
from pathlib import Path

import pytest

from org.audit import ACTIONS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("org", "clients", "ledger", "segmentation", "nights")
WRITTEN = {
    found
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    for found in re.findall(r"\b(?:record|record_many)\(\s*\"([a-z_.]+)\"", path.read_text(encoding="utf-8"))
}


def test_the_search_finds_what_is_written():
    assert {"client.view", "intake.run", "policy.publish", "night.release"} <= WRITTEN


@pytest.mark.parametrize("action", sorted(WRITTEN))
def test_act_has_a_name(action):
    assert action in ACTIONS
