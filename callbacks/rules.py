"""Call-backs on plain values (H1, U11): how many, who, what counts, what is abnormal."""

import hashlib
import math
from collections.abc import Mapping
from datetime import date, timedelta

#: A new client is called back within so many calendar days after opening the account.
NEW_DAYS = 30
#: At least so many per cent of the clients of last year-end are called back in a year.
QUOTA_PERCENT = 10
#: After so many attempts without reaching anybody a call-back may be given up.
MOST_ATTEMPTS = 3
#: The questions, each with the answer that is as it should be; any other goes to compliance.
EXPECTED = {
    "identity": True,
    "own_changes": True,
    "operated_by_staff": False,
    "risks_told": True,
    "discretion": False,
    "gains_promised": False,
}


def new_due(opened_on: date) -> date:
    """The last day for the call-back of a new client."""
    return opened_on + timedelta(days=NEW_DAYS)


def quota(eligible: int, percent: int = QUOTA_PERCENT) -> int:
    """Clients to be reached of so many, rounded up."""
    return math.ceil(eligible * percent / 100)


def allot(strata: Mapping[str, int], percent: int = QUOTA_PERCENT) -> dict[str, int]:
    """How many of each stratum: the quota shared by size, largest remainders first, ties by name; sums to the quota."""
    total = sum(strata.values())
    wanted = quota(total, percent)
    if not total:
        return dict.fromkeys(strata, 0)
    found = {name: wanted * size // total for name, size in strata.items()}
    by_remainder = sorted(strata, key=lambda name: (-(wanted * strata[name] % total), name))
    for name in by_remainder[: wanted - sum(found.values())]:
        found[name] += 1
    return found


def place(seed: int, client_no: str) -> str:
    """Where a client stands in the draw: the lowest of each stratum are drawn. The database says md5(seed || ':' || number)."""
    return hashlib.md5(f"{seed}:{client_no}".encode(), usedforsecurity=False).hexdigest()


def abnormal(answers: Mapping[str, bool | None]) -> list[str]:
    """Questions whose answer is not as it should be. A question that was not answered is not abnormal."""
    return [key for key, right in EXPECTED.items() if answers.get(key) is not None and answers[key] is not right]


def counts(outcome: str, answers: Mapping[str, bool | None]) -> bool:
    """Whether a call counts for the quota: the client was reached and the identity confirmed."""
    return outcome == "reached" and answers.get("identity") is True
