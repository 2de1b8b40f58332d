"""Examples of the main operations in the description: whole requests as one would send them. A test holds them to the schemas."""

from typing import Any

#: operationId → body of a request.
REQUESTS: dict[str, Any] = {
    "visits_create": {
        "client_no": "C000000001",
        "date": "2026-12-01",
        "start": "10:30:00",
        "minutes": 45,
        "kind": "visit",
        "agenda": "Half-year review",
    },
    "visits_note_create": {
        "key": "4f9d2f0a-6f0e-4b58-9a6c-2d8f6f6f0c11",
        "channel": "visit",
        "at": "2026-12-01T11:15:00+08:00",
        "outcome": "talk",
        "feeling": 6,
        "text": "Wants to hear about bond funds",
        "next_step": "Send the comparison",
        "next_on": "2026-12-03",
        "promises": [],
    },
    "offers_create": {
        "client_no": "C000000001",
        "product": "Steady income 3M",
        "kind": "fund",
        "made_on": "2026-11-02",
        "outcome": "taken",
        "amount": "50000.00",
    },
    "prospects_create": {"name": "王小明", "mobile": "13800000000", "kind": "agent", "assets": "3000000.00"},
    "segments_create": {
        "name": "Active",
        "rule": {"all": [{"field": "status", "op": "in", "value": ["active"]}]},
    },
    "complaints_create": {
        "source": "call-centre",
        "external_ref": "2026-004711",
        "channel": "phone",
        "category": "fees",
        "narrative": "The commission is higher than agreed.",
        "received_at": "2026-11-20T09:30:00+08:00",
        "client_no": "C000000001",
    },
}
#: operationId → an answer.
ANSWERS: dict[str, Any] = {
    "changes_list": {
        "results": [
            {
                "sequence": 4711,
                "at": "2026-11-20T02:14:07+08:00",
                "kind": "client.tier_changed",
                "object_no": "C000000001",
                "client_no": "C000000001",
                "branch_no": "B001",
                "data": {"from": "B", "to": "A"},
            }
        ],
        "next": 4711,
        "more": False,
    },
    "exports_create": {
        "uid": "0b0e7a56-3c52-4f0a-8a53-0f6cfb1a7c55",
        "list": "clients",
        "format": "xlsx",
        "query": "tier=A",
        "state": "waiting",
        "error": "",
        "rows": None,
        "size": None,
        "asked_at": "2026-11-20T10:00:00+08:00",
        "made_at": None,
        "expires_at": "2026-11-21T10:00:00+08:00",
        "file": None,
    },
    "profiles_bulk_create": {
        "created": 1,
        "changed": 0,
        "unchanged": 0,
        "refused": 1,
        "results": [
            {"row": 0, "key": ["C000000001"], "status": "created", "errors": []},
            {
                "row": 1,
                "key": ["C-none"],
                "status": "refused",
                "errors": [{"pointer": "#/client_no", "detail": "No client with this number among those you may see."}],
            },
        ],
    },
}


def with_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Put the examples where they belong; an example without its operation is a mistake."""
    left = {*REQUESTS, *ANSWERS}
    for path in result["paths"].values():
        for operation in path.values():
            name = operation.get("operationId") if isinstance(operation, dict) else None
            left.discard(name)
            if name in REQUESTS:
                _put(operation["requestBody"]["content"], REQUESTS[name])
            if name in ANSWERS:
                done = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
                _put(done["content"], ANSWERS[name])
    if left:
        raise ValueError(f"examples of no operation: {sorted(left)}")
    return result


def _put(content: dict[str, Any], value: Any) -> None:
    if "application/json" in content:
        content["application/json"].setdefault("examples", {})["Example"] = {"value": value}
