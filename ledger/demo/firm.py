"""Branches, staff and the random sources of the demo firm."""

from dataclasses import dataclass
from datetime import date
from random import Random

from ledger.demo.people import mobile, person_name
from ledger.demo.places import CITIES, STREETS, City, near

#: Branches from which on regional branches 分公司 stand between head office and branches.
REGIONAL_FROM = 20


@dataclass(frozen=True)
class DemoBranch:
    no: str
    name: str
    parent: str
    city: City
    lat: float
    lon: float
    opened_on: date


@dataclass(frozen=True)
class DemoStaff:
    no: str
    name: str
    branch: str
    role: str
    joined_on: date
    left_on: date | None
    mobile: str


def branches(count: int, seed: int) -> tuple[list[DemoBranch], list[DemoBranch]]:
    """(offices above, branches that have clients): head office, regional branches where there are many, `count` branches."""
    random = Random(f"{seed}:branches")
    shanghai = CITIES[0]
    above = [DemoBranch("0000", "总部", "", shanghai, shanghai.lat, shanghai.lon, date(2001, 3, 1))]
    regions: dict[str, str] = {}
    if count >= REGIONAL_FROM:
        for city in CITIES:
            if city.province not in regions:
                no = f"R{len(regions) + 1:02d}"
                regions[city.province] = no
                name = f"{city.province.removesuffix('省').removesuffix('市')}分公司"
                above.append(DemoBranch(no, name, "0000", city, city.lat, city.lon, date(2003, 6, 2)))
    offices = []
    for number in range(count):
        city = CITIES[number % len(CITIES)]
        street = STREETS[(number // len(CITIES) + number) % len(STREETS)]
        lap = number // (len(CITIES) * len(STREETS))
        name = f"{city.name.removesuffix('市')}{street}{'第' + str(lap + 1) if lap else ''}证券营业部"
        lat, lon = near(random, city)
        opened = date(random.randrange(2004, 2018), random.randrange(1, 13), random.randrange(1, 28))
        parent = regions.get(city.province, "0000")
        offices.append(DemoBranch(f"{1001 + number}", name, parent, city, lat, lon, opened))
    return above, offices


def staff(count: int, offices: list[DemoBranch], seed: int, end: date) -> list[DemoStaff]:
    """Analyst and administrator at head office, a head and a complaint officer per branch, the rest account managers."""
    random = Random(f"{seed}:staff")
    posts = [("0000", "analyst"), ("0000", "admin")]
    posts += [(office.no, "branch_head") for office in offices]
    posts += [(office.no, "account_manager") for office in offices]
    if count >= len(posts) + len(offices):
        posts += [(office.no, "complaint_officer") for office in offices]
    for number in range(max(0, count - len(posts))):
        posts.append((offices[number % len(offices)].no, "account_manager"))
    people = []
    managers = 0
    for number, (branch, role) in enumerate(posts, start=1):
        gender = random.choice("MF")
        joined = date(random.randrange(2008, end.year), random.randrange(1, 13), random.randrange(1, 28))
        left = None
        if role == "account_manager":
            managers += 1
            # The first manager of each branch stays; of the others one in fifteen has left.
            if managers > len(offices) and managers % 15 == 0:
                left = date(end.year, end.month, 1)
        people.append(
            DemoStaff(
                f"S{number:05d}", person_name(random, gender), branch, role, joined, left, mobile(90_000_000 + number)
            )
        )
    return people
