"""Looking at a client is an act too: seeing the record and revealing masked fields are written down (N4, U8)."""

from collections.abc import Iterable

from django.db import transaction

from clients.models import Client
from org import audit
from org.masking import mask_address, mask_email, mask_id, mask_mobile
from org.models import User
from org.rights import require

#: Personal fields of the record and how each is masked.
MASKS = {"mobile": mask_mobile, "email": mask_email, "id_no": mask_id, "address": mask_address}


def record_view(client: Client, user: User) -> None:
    """The user opened a record."""
    audit.record("client.view", user=user, object_kind="client", object_no=client.client_no)


@transaction.atomic
def reveal(client_no: str, fields: Iterable[str], *, user: User) -> dict[str, str]:
    """The true values of masked fields; the asking is logged with their names. ValueError for other fields."""
    require(user, "clients.reveal")
    wanted = list(dict.fromkeys(fields))
    if not wanted or not set(wanted) <= set(MASKS):
        raise ValueError(f"not to be revealed: {wanted}")
    client = Client.objects.visible_to(user).only("client_no", *wanted).get(client_no=client_no)
    audit.record(
        "client.reveal",
        user=user,
        object_kind="client",
        object_no=client.client_no,
        detail={"fields": wanted},
    )
    return {field: getattr(client, field) for field in wanted}


def masked_value(field: str, value: str) -> str:
    """A personal field as it is shown until it is revealed."""
    return MASKS[field](value) if value else ""
