"""What each type of column may hold: as SQL that repairs and judges, as a byte pattern of what needs no repair, and
as the types it passes through on its way into the table. One home for all, because they must agree: whatever the pattern
lets through, the SQL would leave as it is (a test holds it).
"""

from crm.money import MAX_YUAN, UNITS_PER_YUAN
from ledger.intake.kinds import Column, Type

#: Trimmed from both ends of every value: blanks, tabs, line ends, no-break and ideographic blanks, byte order marks.
BLANKS = " \t\r\n\v\f\u00a0\u3000\ufeff"
_FULL = "".join(chr(c) for c in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)))
_PLAIN = "".join(chr(ord(c) - 0xFEE0) for c in _FULL)
#: Full-width digits, letters, - . _ and the ideographic blank. Not all of NFKC: brackets in Chinese names stay.
FOLD_FROM, FOLD_TO = _FULL + "－．＿\u3000", _PLAIN + "-._ "

_TIME = r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
_YMD = rf"^([12][0-9]{{3}})[-/.年]([0-9]{{1,2}})[-/.月]([0-9]{{1,2}})日?{_TIME}$"
_LEAP = "(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)-02-29"
#: Days that every month has: most are settled by this much cheaper pattern.
_COMMON_DAY = "^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])$"
#: A day that exists, as YYYY-MM-DD, of the years 1000 to 2999.
VALID_DAY = (
    "[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}"
)
#: Unbounded repeats: PostgreSQL unrolls {1,40}, which costs ten times as much. The length is limited beside it.
_NUMBER, _LONGEST_NUMBER = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$", 60
_THOUSANDS = r"^[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?$"
#: What a spreadsheet makes of a long number that should have been text.
_SCIENTIFIC = r"^[0-9](?:\.[0-9]+)?E\+[0-9]+$"
_BLANK_OR_CONTROL = r"[\u0001-\u0020\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u3000\ufeff]"
_CONTROL = r"[\u0001-\u001f\u007f-\u009f]"

_DECIMALS = {Type.MONEY: 4, Type.QUANTITY: 4, Type.RATE: 6, Type.DEGREE: 15}


def literal(text: str) -> str:
    """Quote a text of our own or of a mapping as an SQL literal."""
    if "\x00" in text:
        raise ValueError("no literal holds a NUL")
    return "'" + text.replace("'", "''") + "'"


def trimmed(expression: str) -> str:
    """SQL: the value without blanks around it, NULL if nothing is left."""
    return f"NULLIF(btrim({expression}, {literal(BLANKS)}), '')"


# --- Repair: three steps per column, each reading the one before ----------------------------------------------------


def folded(column: Column, raw: str) -> str:
    """SQL, first step: one spelling of what means the same."""
    if column.type in (Type.CODE, Type.LABEL):
        return _unless_ascii(raw, f"btrim(translate({raw}, {literal(FOLD_FROM)}, {literal(FOLD_TO)}))")
    if column.type == Type.TEXT:
        control = literal(_CONTROL + "+")
        return f"CASE WHEN {raw} ~ {control} THEN regexp_replace({raw}, {control}, ' ', 'g') ELSE {raw} END"
    if column.type in (Type.CHOICE, Type.DATE):
        return _unless_ascii(raw, f"btrim(normalize({raw}, NFKC))")
    plain = _unless_ascii(raw, f"translate(normalize({raw}, NFKC), '−', '-')")
    return f"CASE WHEN {plain} ~ {literal(_THOUSANDS)} THEN replace({plain}, ',', '') ELSE {plain} END"


def _unless_ascii(raw: str, folding: str) -> str:
    return f"CASE WHEN octet_length({raw}) = length({raw}) THEN {raw} ELSE {folding} END"


def shaped(column: Column, fold: str) -> str:
    """SQL, second step: the value in the one form that is cast; NULL where that cannot be made."""
    if column.type == Type.DATE:
        parts = f"regexp_match({fold}, {literal(_YMD)})"
        day = f"(SELECT p[1] || '-' || lpad(p[2], 2, '0') || '-' || lpad(p[3], 2, '0') FROM {parts} AS p)"
        compact = f"substr({fold}, 1, 4) || '-' || substr({fold}, 5, 2) || '-' || substr({fold}, 7, 2)"
        serial = f"to_char(date '1899-12-30' + substr({fold}, 1, 5)::int, 'YYYY-MM-DD')"
        return (
            f"CASE WHEN {fold} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' THEN {fold}"
            f" WHEN {fold} ~ '^[0-9]{{8}}$' THEN {compact}"
            rf" WHEN {fold} ~ '^[0-9]{{5}}(?:\.[0-9]+)?$' THEN {serial} ELSE {day} END"
        )
    if column.type == Type.CHOICE:
        cases = " ".join(f"WHEN {literal(choice.lower())} THEN {literal(choice)}" for choice in column.choices)
        return f"CASE lower({fold}) {cases} END"
    if column.type in _DECIMALS:
        rounded = f"round({fold}::numeric, {_DECIMALS[column.type]})"
        number = f"length({fold}) <= {_LONGEST_NUMBER} AND {fold} ~ {literal(_NUMBER)}"
        return f"CASE WHEN {number} THEN {rounded}::text END"
    return fold


def complaint(column: Column, raw: str, shape: str) -> str:
    """SQL, third step: the reason code of what is wrong with the value, NULL if nothing is."""
    cases: list[tuple[str, str]] = []
    if column.required:
        cases.append((f"{raw} IS NULL", "missing_value"))
    if column.type in (Type.CODE, Type.LABEL):
        cases.append((f"{shape} ~ {literal(_SCIENTIFIC)}", "digits_lost"))
        blanks_allowed = column.type == Type.LABEL or column.blanks
        bad = f"{shape} ~ {literal(_CONTROL if blanks_allowed else _BLANK_OR_CONTROL)}"
        if column.address:
            bad += rf" OR {shape} ~ '[/\\]' OR {shape} IN ('.', '..')"
        cases.append((bad, "bad_code"))
    if column.size:
        cases.append((f"length({shape}) > {column.size}", "too_long"))
    if column.type == Type.DATE:
        exists = f"({shape} ~ {literal(_COMMON_DAY)} OR {shape} ~ {literal(f'^(?:{VALID_DAY})$')})"
        cases.append((f"{raw} IS NOT NULL AND {exists} IS NOT TRUE", "bad_date"))
    if column.type == Type.CHOICE:
        cases.append((f"{raw} IS NOT NULL AND {shape} IS NULL", "not_allowed"))
    if column.type in _DECIMALS:
        cases.append((f"{raw} IS NOT NULL AND {shape} IS NULL", "bad_number"))
        cases.append((f"abs({shape}::numeric) > {_limit(column)}", "number_out_of_range"))
    if not cases:
        return "NULL"
    return "CASE " + " ".join(f"WHEN {condition} THEN {literal(code)}" for condition, code in cases) + " END"


def _limit(column: Column) -> int:
    return int(MAX_YUAN) if column.type == Type.MONEY else column.limit


# --- Types -----------------------------------------------------------------------------------------------------------

_STAGED = {
    Type.DATE: "date",
    Type.MONEY: "float8",
    Type.QUANTITY: "numeric(20,4)",
    Type.RATE: "numeric(9,6)",
    Type.DEGREE: "float8",
}


def staged(column: Column) -> str:
    """The type in which a value is staged: COPY and the repair read it once, everything after finds it read.

    Money passes through float8, three times as fast as numeric: exact for 4 decimals up to `crm.money.MAX_YUAN`,
    because 15 digits and a half fit and the nearest integer is taken.
    """
    return _STAGED.get(column.type) or (f"varchar({column.size})" if column.size else "text")


def stored(column: Column, value: str) -> str:
    """SQL: a staged value as the table holds it. Money in stored units (1/10,000 元)."""
    if column.type == Type.MONEY:
        units = f"round({value} * {UNITS_PER_YUAN})::bigint"
        return units if column.required else f"coalesce({units}, 0)"
    if column.type in _STAGED:
        return value
    text = trimmed(value) if column.type == Type.TEXT else value
    # A nothing of the same type: with any other one each value would be cut to size once more on its way into the table.
    return text if column.nullable or column.required else f"coalesce({text}, ''::{staged(column)})"


# --- Patterns of values that need no repair, over UTF-8 bytes --------------------------------------------------------


def pattern(column: Column, delimiter: str) -> bytes:
    """A possessive byte pattern; `delimiter` is left out of its characters ('' within quotes)."""
    body = _body(column, delimiter)
    return body if column.required else rb"(?:" + body + rb")?+"


def any_field(delimiter: str) -> bytes:
    """A field that nothing is known of: no quotes, no line end, no NUL."""
    return rb'[^"\x00\r\n' + _escaped(delimiter) + rb"]*+"


def _body(column: Column, delimiter: str) -> bytes:
    size = str(column.size).encode()
    if column.type == Type.CODE:
        left_out = delimiter + '"+' + ("/\\." if column.address else "")
        return rb"[" + _printable(left_out) + rb"]{1," + size + rb"}+"
    if column.type == Type.LABEL:
        plain = _printable(delimiter + '"')
        # CJK ideographs U+4000 to U+9FFF need no folding; full-width forms lie elsewhere.
        characters = rb"(?:[ " + plain + rb"]|[\xe4-\xe9][\x80-\xbf][\x80-\xbf])"
        lookahead = rb"(?! |[0-9](?:\.[0-9]+)?E\+)"
        return lookahead + characters + rb"{1," + size + rb"}+(?<! )"
    if column.type == Type.TEXT:
        return (
            rb"(?! |\xc2\xa0|\xe3\x80\x80|\xef\xbb\xbf)(?:[^\x00-\x1f\x7f\xc2"
            + _escaped(delimiter + '"')
            + rb"]|\xc2[\xa1-\xbf]){1,"
            + size
            + rb"}+"
        )
    if column.type == Type.CHOICE:
        return rb"(?>" + b"|".join(choice.encode() for choice in sorted(column.choices, reverse=True)) + rb")"
    if column.type == Type.DATE:
        return rb"(?>" + VALID_DAY.encode() + rb")"
    return {
        Type.MONEY: rb"-?+[0-9]{1,11}+(?:\.[0-9]{1,4}+)?+",
        Type.QUANTITY: rb"-?+[0-9]{1,14}+(?:\.[0-9]{1,4}+)?+",
        Type.RATE: rb"-?+[0-9]{1,2}+(?:\.[0-9]{1,6}+)?+",
        Type.DEGREE: rb"-?+[0-8]?+[0-9](?:\.[0-9]{1,15}+)?+"
        if column.limit == 90
        else rb"-?+(?:1[0-7][0-9]|[0-9]{1,2}+)(?:\.[0-9]{1,15}+)?+",
    }[column.type]


def _printable(left_out: str) -> bytes:
    return b"".join(_escaped(chr(c)) for c in range(0x21, 0x7F) if chr(c) not in left_out)


def _escaped(characters: str) -> bytes:
    return b"".join(rb"\x%02x" % ord(c) for c in characters)
