"""The fewest fields that make a valid row; sequences, no random values."""

from datetime import date
from functools import cache

import factory
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from clients.models import Client, ClientCare, CoManager
from org.models import Branch, ClientDataGrant, Leave, Role, Staff, User

PASSWORD = "correct-horse-battery"


@cache
def hashed_password() -> str:
    """PASSWORD as it is kept; hashed once, since argon2 is slow on purpose."""
    return make_password(PASSWORD)


class BranchFactory(DjangoModelFactory):
    class Meta:
        model = Branch
        skip_postgeneration_save = True

    branch_no = factory.Sequence(lambda n: f"B{n:04d}")
    name = factory.Sequence(lambda n: f"第{n}营业部")

    @factory.post_generation
    def place_in_tree(self, create, extracted, **kwargs):
        self.path = f"{self.parent.path if self.parent else '/'}{self.pk}/"
        self.save(update_fields=["path"])


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    password = factory.LazyFunction(hashed_password)


class StaffFactory(DjangoModelFactory):
    """A member of staff with a log-in."""

    class Meta:
        model = Staff

    staff_no = factory.Sequence(lambda n: f"S{n:05d}")
    name = factory.Sequence(lambda n: f"员工{n}")
    branch = factory.SubFactory(BranchFactory)
    role = Role.ACCOUNT_MANAGER
    user = factory.SubFactory(UserFactory)


class ClientFactory(DjangoModelFactory):
    class Meta:
        model = Client

    client_no = factory.Sequence(lambda n: f"{10000000 + n}")
    no_key = factory.LazyAttribute(lambda c: c.client_no.rjust(20, "0") if c.client_no.isdigit() else c.client_no)
    name = factory.Sequence(lambda n: f"客户{n}")
    name_key = factory.LazyAttribute(lambda c: c.name)
    manager = factory.SubFactory(StaffFactory)
    branch = factory.SelfAttribute("manager.branch")
    status = "active"
    opened_on = date(2020, 1, 2)
    core_as_of = date(2026, 1, 5)


class CareFactory(DjangoModelFactory):
    class Meta:
        model = ClientCare

    client = factory.SubFactory(ClientFactory)
    since = date(2026, 1, 5)


class CoManagerFactory(DjangoModelFactory):
    class Meta:
        model = CoManager

    client = factory.SubFactory(ClientFactory)
    staff = factory.SubFactory(StaffFactory)
    since = date(2026, 1, 5)


class LeaveFactory(DjangoModelFactory):
    class Meta:
        model = Leave

    staff = factory.SubFactory(StaffFactory)
    deputy = factory.SubFactory(StaffFactory)
    from_on = date(2026, 1, 5)
    to_on = date(2026, 1, 9)
    entered_by = factory.SubFactory(UserFactory)


class GrantFactory(DjangoModelFactory):
    class Meta:
        model = ClientDataGrant

    user = factory.SubFactory(UserFactory)
    until = date(2026, 12, 31)
    reason = "Audit of the intake"
    granted_by = factory.SubFactory(UserFactory)
