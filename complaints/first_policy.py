"""Version 1 of the complaint policy as the migration publishes it. Frozen: what changes is a new version, made on the page.

What is law, practice or our proposal follows the facts in docs/complaints.md; only law is called statutory.
"""

from datetime import date
from typing import Any


def _limit(key: str, starts: str, stops: str, amount: int, unit: str, basis: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "starts": starts, "stops": stops, "amount": amount, "unit": unit, "basis": basis} | {
        "pausable": False,
        "applies": {},
        "extended": None,
        **more,
    }


_SIMPLE, _COMPLEX = {"severity": ["normal"]}, {"severity": ["important", "major", "group"]}

FIRST: dict[str, Any] = {
    "state": "published",
    "valid_from": date(2000, 1, 1),
    "limits": [
        _limit("acknowledge", "received", "accepted", 1, "working_day", "proposal"),
        _limit("contact", "received", "step_1", 3, "working_day", "practice"),
        _limit("answer", "received", "answered", 15, "calendar_day", "practice", applies=_SIMPLE, pausable=True,
               extended=30),
        _limit("answer_complex", "received", "answered", 30, "calendar_day", "practice", applies=_COMPLEX, pausable=True,
               extended=60),
        _limit("platform", "received", "answered", 15, "working_day", "practice", applies={"platform": ["yes"]},
               extended=30),
        # Anti-Money-Laundering Law 2024, article 39: fifteen calendar days, whatever happens.
        _limit("aml", "received", "answered", 15, "calendar_day", "law", applies={"category": ["aml"]}),
        _limit("step_1", "step_1", "step_1", 24, "hour", "proposal", pausable=True),
        _limit("step_2", "step_2", "step_2", 1, "working_day", "proposal", pausable=True),
        _limit("step_3", "step_3", "step_3", 5, "working_day", "proposal", pausable=True),
        _limit("step_4", "step_4", "step_4", 3, "working_day", "proposal", pausable=True),
        _limit("step_5", "step_5", "step_5", 5, "working_day", "proposal", pausable=True),
        _limit("step_6", "step_6", "closed", 10, "working_day", "proposal", pausable=True),
    ],
    "ladder": [
        {"percent": 50, "to": "handler"},
        {"percent": 80, "to": "handler"},
        {"percent": 100, "to": "branch_head"},
        {"percent": 125, "to": "complaint_officer"},
        {"percent": 150, "to": "compliance_officer"},
    ],
    "assignment": {
        "normal": ["complaint_officer", "branch_head", "compliance_officer"],
        "important": ["complaint_officer", "branch_head", "compliance_officer"],
        "major": ["compliance_officer", "complaint_officer"],
        "group": ["compliance_officer", "complaint_officer"],
    },
    "follow_up_days": [7, 30, 90],
    "fast_workdays": 3,
    "group_from": 5,
    "approve_from": 0,
    "archive_days": 120,
    "keep_years": 20,
}  # fmt: skip
