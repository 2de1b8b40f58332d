"""The demo firm's clients: who they are, and what the client file says about them. All of them are invented."""

from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from ledger.demo.dates import previous_trading, years_before
from ledger.demo.draws import Weighted
from ledger.demo.firm import Branch
from ledger.demo.identity import MAIL_DOMAIN, client_mobile, credit_code, resident_number
from ledger.demo.names import firm_name, person_name
from ledger.demo.nature import Nature
from ledger.demo.places import house_address, house_near

YEARS_OF_OPENING = 15
YOUNGEST, OLDEST = 22, 85
#: Accounts opened before this year have the eight digits of the system of that time, later ones ten.
_OLD_NUMBERS_UNTIL = 2016
_OLD_NUMBERS, _NEW_NUMBERS = 89_999_999, 8_999_999_993

_OCCUPATIONS = Weighted(
    {
        "企业职员": 24, "个体工商户": 13, "专业技术人员": 12, "企业管理人员": 11, "教师": 6, "医生": 5, "公务员": 6, "自由职业": 8,
        "工程师": 7, "律师": 2, "会计": 4, "农业经营": 3, "企业主": 4, "金融从业人员": 2,
    }
)  # fmt: skip
#: Last year of birth → how people of that age went to school.
_EDUCATIONS = (
    (1959, Weighted({"小学": 8, "初中": 34, "高中": 34, "大专": 16, "本科": 8})),
    (1979, Weighted({"初中": 14, "高中": 29, "大专": 30, "本科": 23, "硕士": 4})),
    (9999, Weighted({"初中": 3, "高中": 12, "大专": 27, "本科": 44, "硕士": 12, "博士": 2})),
)
_RISK_LEVELS = Weighted({"C1": 7, "C2": 20, "C3": 38, "C4": 26, "C5": 9})
_RISK_OF_TRADERS = Weighted({"C3": 15, "C4": 50, "C5": 35})


class Client(NamedTuple):
    """What must be known of a client before all else. `born`: of a firm, the day it was founded."""

    number: int
    no: str
    company: bool
    gender: str
    born: date
    opened_on: date
    closed_on: date | None
    status: str


def make_client(random: Random, number: int, end: date) -> Client:
    """Draw the client with a running number; `end` is the last business date of the firm's files."""
    opened = previous_trading(end - timedelta(days=int(random.random() * YEARS_OF_OPENING * 365)))
    months = (end - opened).days / 30.4
    chance, closed, status = random.random(), None, "active"
    # Who came lately is neither dormant nor gone; the shares are of all clients.
    if months > 36 and chance < 0.06 / 0.8:
        status = "dormant"
    elif months > 4 and chance > 1 - 0.03 / 0.98:
        closed = previous_trading(end - timedelta(days=int(random.random() * min(months - 3, 30) * 30)))
        status = "closed"
    if random.random() < 0.01:
        founded = previous_trading(opened - timedelta(days=200 + int(random.random() * 4000)))
        return Client(number, _number(number, opened), True, "", founded, opened, closed, status)
    gender = "M" if random.random() < 0.53 else "F"
    youngest = max(YOUNGEST, 19 + int(months / 12))
    age = random.triangular(youngest, OLDEST, max(youngest, 44))
    born = years_before(end, int(age)) - timedelta(days=int(random.random() * 365))
    return Client(number, _number(number, opened), False, gender, born, opened, closed, status)


def _number(number: int, opened: date) -> str:
    """A client number, different for each running number and not in sequence."""
    if opened.year < _OLD_NUMBERS_UNTIL:
        return f"{10_000_000 + (number + 1) * 7_368_787 % _OLD_NUMBERS}"
    return f"{1_000_000_000 + (number + 1) * 736_338_727 % _NEW_NUMBERS}"


def client_row(
    random: Random, client: Client, nature: Nature, branch: Branch, manager: str | None, *, end: date
) -> tuple:
    """The client's row of the client file."""
    if client.company:
        name, document = firm_name(random, branch.city.short), ("credit_code", credit_code(random, branch.city.code))
    else:
        name = person_name(random, client.gender, client.born.year)
        document = ("id_card", resident_number(random, branch.city.code, client.born, client.gender))
    person = (None, None) if client.company else (client.gender, client.born)
    mail = f"c{client.no}@{MAIL_DOMAIN}" if random.random() < 0.6 else None
    contact = (client_mobile(client.number), mail, *_home(random, branch))
    since = (client.no, name, branch.no, manager, client.status, client.opened_on, client.closed_on)
    return (
        *since,
        *document,
        *person,
        *contact,
        *_suitability(random, client, nature, end),
        *_life(random, client, end),
    )


def _home(random: Random, branch: Branch) -> tuple[str, float | None, float | None]:
    """Address and coordinates: every third client lives in the street of the branch; three in a hundred have no place."""
    streets = branch.city.streets
    street = branch.street if random.random() < 0.25 else int(random.random() * len(streets))
    address = house_address(random, branch.city, streets[street])
    if random.random() < 0.03:
        return address, None, None
    return address, *house_near(random, branch.middles[street])


def _suitability(random: Random, client: Client, nature: Nature, end: date) -> tuple[str, date, str]:
    """Risk level, the day it holds until and kind of investor. The level holds for two years and is often left to lapse."""
    level = (_RISK_OF_TRADERS if nature.margin or nature.options else _RISK_LEVELS).draw(random)
    left = random.random() * 730 - (400 if client.status != "active" else 90)
    professional = (client.company and random.random() < 0.4) or (nature.assets > 5_000_000 and random.random() < 0.5)
    return level, end + timedelta(days=int(left)), "professional" if professional else "ordinary"


def _life(random: Random, client: Client, end: date) -> tuple[str | None, str | None]:
    """Occupation and education; both empty for a firm."""
    if client.company:
        return None, None
    age = end.year - client.born.year
    if age >= (56 if client.gender == "F" else 61) and random.random() < 0.85:
        occupation = "退休"
    elif age <= 24 and random.random() < 0.5:
        occupation = "学生"
    else:
        occupation = _OCCUPATIONS.draw(random)
    education = next(choice for year, choice in _EDUCATIONS if client.born.year <= year).draw(random)
    return occupation, education
