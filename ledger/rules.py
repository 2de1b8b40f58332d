"""Decisions on sums of money that several apps share."""

#: Whose net outflow reaches this share of the assets of the day one looks back to is leaving, in %.
LEAVING_PERCENT = 10


def leaving(assets_then: int, inflow: int, *, closed: bool) -> str:
    """'closed', 'outflow' or ''; `inflow` is money in minus out since, in the units of the assets."""
    if closed:
        return "closed"
    return "outflow" if inflow < 0 and -inflow * 100 >= LEAVING_PERCENT * max(assets_then, 1) else ""
