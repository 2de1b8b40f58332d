"""Document numbers, telephone numbers and e-mail addresses that look right and can belong to nobody.

* Resident numbers (18 digits) and unified social credit codes of firms (18 characters) carry a wrong check character, always.
* Mobile numbers begin with 154, the one prefix of the range 150–159 that was never given to an operator.
* E-mail addresses are in the domain example.com, which is reserved for examples (RFC 2606).
"""

from datetime import date
from random import Random

MOBILE_PREFIX = "154"
MAIL_DOMAIN = "example.com"

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
#: The last of the hundred million numbers of the prefix are kept for staff.
_CLIENT_MOBILES = 99_000_000


def resident_check(body: str) -> str:
    """The check character that a genuine resident number with these 17 digits carries (GB 11643)."""
    return _RESIDENT_CHECKS[sum(int(d) * w for d, w in zip(body, _RESIDENT_WEIGHTS, strict=True)) % 11]


def credit_check(body: str) -> str:
    """The check character that a genuine unified social credit code with these 17 characters carries (GB 32100)."""
    total = sum(_CREDIT_CHARACTERS.index(c) * w for c, w in zip(body, _CREDIT_WEIGHTS, strict=True))
    return _CREDIT_CHARACTERS[-total % 31]


def resident_number(random: Random, division: str, born: date, gender: str) -> str:
    """Shaped like a resident number of a division (4 digits), birthday and gender, but with a wrong check character."""
    district = int(random.random() * 9) + 2
    serial = int(random.random() * 500) * 2 + (gender == "M")
    body = f"{division}{district:02d}{born.year}{born.month:02d}{born.day:02d}{serial:03d}"
    return body + _other(random, resident_check(body), _RESIDENT_CHECKS)


def credit_code(random: Random, division: str) -> str:
    """Shaped like the code of a company in a division (4 digits), but with a wrong check character."""
    body = f"91{division}00MA{int(random.random() * 10**7):07d}"
    return body + _other(random, credit_check(body), _CREDIT_CHARACTERS)


def _other(random: Random, right: str, characters: str) -> str:
    """Any of the characters but the right one."""
    step = 1 + int(random.random() * (len(characters) - 1))
    return characters[(characters.index(right) + step) % len(characters)]


def client_mobile(number: int) -> str:
    """Mobile number of the client with this running number; different for each, and not in sequence."""
    return f"{MOBILE_PREFIX}{(number + 1) * 61_803_397 % _CLIENT_MOBILES:08d}"


def staff_mobile(number: int) -> str:
    """Mobile number of the member of staff with this running number, apart from those of all clients."""
    return f"{MOBILE_PREFIX}{_CLIENT_MOBILES + number:08d}"
