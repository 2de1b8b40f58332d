"""Head office, regional branches, branches and staff of the demo firm."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from ledger.demo.dates import previous_trading
from ledger.demo.draws import Stream, Weighted, reseed
from ledger.demo.identity import MAIL_DOMAIN, staff_mobile
from ledger.demo.names import person_name
from ledger.demo.places import CITIES, City, Point, house_near, street_middles

HEAD_OFFICE = "0000"
#: From this number of branches on, regional branches 分公司 stand between head office and the branches.
REGIONAL_FROM = 20
_PROVINCE_SUFFIXES = ("壮族自治区", "自治区", "省", "市")


@dataclass(frozen=True)
class Branch:
    """An office; `street` is an index into the streets of its city, `middles` are where these lie."""

    no: str
    name: str
    parent: str
    city: City
    street: int
    middles: tuple[Point, ...]
    house: int
    place: Point
    opened_on: date

    def row(self) -> tuple:
        address = f"{self.city.name}{self.city.streets[self.street]}{self.house}号"
        city = self.city
        place = (city.province, city.name, address, self.place.lat, self.place.lon)
        return (self.no, self.name, self.parent, *place, self.opened_on, None)


@dataclass(frozen=True)
class Staff:
    number: int
    name: str
    branch: str
    role: str
    joined_on: date
    left_on: date | None = None

    @property
    def no(self) -> str:
        return f"S{self.number:05d}"

    def row(self) -> tuple:
        contact = (staff_mobile(self.number), f"{self.no.lower()}@{MAIL_DOMAIN}")
        return (self.no, self.name, self.branch, self.role, *contact, self.joined_on, self.left_on)


def make_branches(count: int, seed: int) -> tuple[list[Branch], list[Branch]]:
    """(offices above, `count` branches): above are head office and, in a large firm, a regional branch per province."""
    random = reseed(Random(), seed, Stream.BRANCHES)
    above = [_office(random, seed, HEAD_OFFICE, "总部", "", CITIES[0], 7, (2001, 2001))]
    regions: dict[str, str] = {}
    branches = []
    for number in range(count):
        city, lap = CITIES[number % len(CITIES)], number // len(CITIES)
        if count >= REGIONAL_FROM and city.province not in regions:
            no = regions[city.province] = f"R{len(regions) + 1:02d}"
            above.append(
                _office(random, seed, no, f"{_short(city.province)}分公司", HEAD_OFFICE, city, 2, (2002, 2004))
            )
        ordinal, street = divmod(lap, len(city.streets))
        place = f"{city.short}{city.streets[street]}" + (f"第{ordinal + 1}" if ordinal else "")
        parent = regions.get(city.province, HEAD_OFFICE)
        branches.append(
            _office(random, seed, f"{1001 + number}", f"{place}证券营业部", parent, city, street, (2005, 2018))
        )
    return above, branches


def _office(
    random: Random, seed: int, no: str, name: str, parent: str, city: City, street: int, years: tuple[int, int]
) -> Branch:
    opened = date(random.randint(*years), random.randint(1, 12), random.randint(1, 28))
    middles = street_middles(city, seed)
    place = house_near(random, middles[street])
    return Branch(no, name, parent, city, street, middles, random.randint(1, 980), place, previous_trading(opened))


def _short(province: str) -> str:
    for suffix in _PROVINCE_SUFFIXES:
        province = province.removesuffix(suffix)
    return province


def make_staff(count: int, branches: list[Branch], seed: int, end: date) -> list[Staff]:
    """`count` members of staff in the order of their offices.

    Where there are too few for a head and a complaint officer in each branch, each branch has an account manager first,
    then the firm gets one of each role, then heads, then officers.
    """
    posts = _posts(count, [branch.no for branch in branches])
    random = reseed(Random(), seed, Stream.STAFF)
    people = []
    for number, (branch, role) in enumerate(posts, start=1):
        gender = "M" if random.random() < 0.5 else "F"
        served = random.triangular(6, 18, 9) if role == "branch_head" else random.triangular(0.3, 16, 3)
        joined = end - timedelta(days=round(served * 365))
        name = person_name(random, gender, joined.year - random.randint(23, 34))
        people.append(Staff(number, name, branch, role, previous_trading(joined)))
    return _with_leavers(random, people, end)


def _posts(count: int, branches: list[str]) -> list[tuple[str, str]]:
    """(office, role) of each member of staff, sorted by office and role."""
    wanted = [(branch, "account_manager") for branch in branches]
    wanted += [(branches[0], "branch_head"), (branches[0], "complaint_officer")]
    wanted += [(HEAD_OFFICE, "analyst"), (HEAD_OFFICE, "admin")]
    wanted += [(branch, "branch_head") for branch in branches[1:]]
    wanted += [(branch, "complaint_officer") for branch in branches[1:]]
    rest = max(0, count - len(wanted))
    wanted += [(branches[number % len(branches)], "account_manager") for number in range(rest)]
    ranks = {"analyst": 0, "admin": 1, "branch_head": 2, "complaint_officer": 3, "account_manager": 4}
    return sorted(wanted[:count], key=lambda post: (post[0] != HEAD_OFFICE, post[0].zfill(8), ranks[post[1]]))


def _with_leavers(random: Random, people: list[Staff], end: date) -> list[Staff]:
    """One account manager in nine has left, the first of them this month; none who is the first of the branch."""
    seen: set[str] = set()
    others = []
    for person in people:
        if person.role == "account_manager":
            if person.branch in seen and person.joined_on < end - timedelta(days=200):
                others.append(person.number)
            seen.add(person.branch)
    managers = sum(person.role == "account_manager" for person in people)
    leaving = random.sample(others, min(len(others), managers // 9))
    left = {number: end.replace(day=1) if place == 0 else None for place, number in enumerate(leaving)}
    return [_leave(random, person, left[person.number], end) if person.number in left else person for person in people]


def _leave(random: Random, person: Staff, day: date | None, end: date) -> Staff:
    served = (end - person.joined_on).days
    day = day or end - timedelta(days=random.randint(20, min(served - 100, 700)))
    return Staff(person.number, person.name, person.branch, person.role, person.joined_on, day)


def make_books(people: list[Staff], branches: list[Branch], end: date) -> dict[str, Weighted[str] | None]:
    """Branch → its account managers in service, with how likely a client is theirs: longer service, more clients.

    Clients of those who left are with their colleagues, so leavers are in no book. None: nobody looks after clients here.
    """
    books: dict[str, dict[str, float]] = {branch.no: {} for branch in branches}
    for person in people:
        if person.role == "account_manager" and not person.left_on:
            years = (end - person.joined_on).days / 365
            books[person.branch][person.no] = min(1.0, 0.4 + years / 4)
    return {branch: Weighted(book) if book else None for branch, book in books.items()}
