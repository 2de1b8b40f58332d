"""Masking of personal data on screens and in exports: the patterns of the field (JR/T 0171)."""

COMPOUND_SURNAMES = frozenset(
    [
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "尉迟",
        "慕容",
        "司徒",
        "皇甫",
        "夏侯",
        "东方",
        "令狐",
        "宇文",
        "长孙",
        "公孙",
        "轩辕",
        "端木",
        "独孤",
        "南宫",
    ]
)


def mask_mobile(number: str) -> str:
    """138****5678; short numbers keep the last two digits."""
    if len(number) >= 11:
        return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}"
    return "*" * max(0, len(number) - 2) + number[-2:] if number else ""


def mask_id(number: str) -> str:
    """1101********002X: the first and last four characters stay."""
    if len(number) <= 8:
        return "*" * len(number)
    return f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}"


def mask_name(name: str) -> str:
    """张三 → 张*, 欧阳修 → 欧阳*; names in other scripts keep their first letter."""
    if not name:
        return ""
    kept = name[:2] if name[:2] in COMPOUND_SURNAMES and len(name) > 2 else name[:1]
    return kept + "*" * min(2, max(1, len(name) - len(kept)))


def mask_email(address: str) -> str:
    """a***@example.com."""
    name, at, host = address.partition("@")
    return f"{name[:1]}***{at}{host}" if at else "***" if address else ""


def mask_address(address: str) -> str:
    """The first six characters (province and city) stay."""
    return f"{address[:6]}****" if address else ""
