"""What the intake says about files and rows (N1): a stable code, a text, and what to do about it.

Codes stand in the database, in the rejects file and in the API; texts are shown on pages, in the reader's language.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Message:
    """A text and an advice, both translatable."""

    text: str | Promise
    advice: str | Promise


#: Kinds of files, for people.
KINDS: dict[str, Promise] = {
    "branches": _("Branches"),
    "staff": _("Staff"),
    "clients": _("Clients"),
    "accounts": _("Accounts"),
    "assets": _("Assets"),
    "trades": _("Trades"),
    "cash_flows": _("Cash flows"),
    "fees": _("Fees"),
}

#: What the runner of a batch is doing.
STEPS: dict[str, Promise] = {
    "opening": _("opening"),
    "reading": _("reading"),
    "checking": _("checking"),
    "writing": _("writing"),
}

#: Why a single row is not taken in.
ROW_REASONS: dict[str, Message] = {
    "wrong_columns": Message(
        _("Wrong number of columns"), _("Compare the row with the header; a delimiter inside a text needs quotes.")
    ),
    "broken_quotes": Message(
        _("Quotes do not close"),
        _("Close the quotes, or double those that belong to the text, and send the row again."),
    ),
    "control_character": Message(_("Unprintable character in the row"), _("Remove the character at the source.")),
    "missing_value": Message(_("Required value missing"), _("Fill in the column and send the row again.")),
    "too_long": Message(_("Value too long"), _("Shorten the value; docs/intake.md gives the longest allowed.")),
    "bad_code": Message(
        _("Not a valid number or code"), _("Blanks, slashes and control characters cannot be part of a number.")
    ),
    "digits_lost": Message(
        _("Digits lost by a spreadsheet"), _("The number was saved as 1.23E+17; export the column as text.")
    ),
    "bad_date": Message(_("Impossible date"), _("Write dates as YYYY-MM-DD.")),
    "date_out_of_range": Message(
        _("Date out of range"), _("The date lies before 1990 or after the business date; check both.")
    ),
    "bad_number": Message(_("Not a number"), _("Write numbers with a point and without units.")),
    "number_out_of_range": Message(_("Number out of range"), _("Check the amount; nothing of this size is taken in.")),
    "not_allowed": Message(_("Value not in the allowed set"), _("docs/intake.md lists the values of the column.")),
    "unknown_branch": Message(_("Unknown branch"), _("Take in the branch first, then send the row again.")),
    "unknown_parent": Message(_("Unknown parent branch"), _("Take in the parent branch first or in the same file.")),
    "parent_cycle": Message(
        _("Branches are parents of each other"), _("Correct the parent branch in the core system.")
    ),
    "unknown_manager": Message(_("Unknown manager"), _("Take in the member of staff first, then send the row again.")),
    "unknown_client": Message(_("Unknown client"), _("Take in the client first, then send the row again.")),
    "unknown_account": Message(_("Unknown account"), _("Take in the account first, then send the row again.")),
    "account_of_other_client": Message(
        _("The account belongs to another client"), _("Correct the client or the account number.")
    ),
    "duplicate_key": Message(
        _("Same key twice in the file, with different values"), _("The first row was taken in; correct the other.")
    ),
    "ends_before_start": Message(_("Closed or left before the start"), _("Correct one of the two dates.")),
    "older_than_known": Message(
        _("Older than what is known"),
        _("A file of a later business date has been taken in; its value stands. Nothing to do if that is right."),
    ),
    "no_client": Message(_("The row belongs to no client"), _("Nothing to do, unless the source should name one.")),
    "not_a_client": Message(_("Collective entry, not a client"), _("Nothing to do.")),
}

#: Why a file as a whole is refused; nothing of it is taken in.
FILE_REASONS: dict[str, Message] = {
    "unknown_kind": Message(
        _("Kind of file unknown"), _("Begin the file name with the kind (clients, trades …) or choose another mapping.")
    ),
    "unsupported_format": Message(_("Format not supported"), _("Send CSV, TSV or XLSX, plain, gzipped or in a zip.")),
    "empty_file": Message(_("Empty file"), _("The file has no header line; send it again.")),
    "unreadable_file": Message(_("The file cannot be read"), _("Check that it exists and may be read.")),
    "changing_file": Message(
        _("The file changed while it was read"), _("Wait until it is complete; then start again.")
    ),
    "undecodable": Message(
        _("Neither UTF-8 nor GB18030"), _("Export the file as UTF-8 or GB18030; UTF-16 is not supported.")
    ),
    "missing_column": Message(_("Required column missing"), _("Add the column; see docs/intake.md.")),
    "doubled_column": Message(_("Column stands twice"), _("Keep one of the two columns.")),
    "damaged_archive": Message(_("Archive damaged or cut off"), _("Transfer the file again.")),
    "encrypted_archive": Message(_("Archive is encrypted"), _("Send it without a password.")),
    "nested_archive": Message(_("Archive inside an archive"), _("Put the files themselves into the zip.")),
    "unsafe_name": Message(
        _("Unsafe file name in the archive"), _("Names must not contain paths outside the archive.")
    ),
    "too_many_files": Message(_("Too many files in the archive"), _("Split the delivery.")),
    "too_large": Message(_("File too large"), _("Split the file, or raise the limit in the settings.")),
    "bomb": Message(
        _("Archive unpacks to a suspicious size"), _("Check the file; a data file does not shrink like this.")
    ),
    "damaged_sheet": Message(_("Spreadsheet damaged"), _("Open it, save it anew as XLSX, or send CSV.")),
    "file_missing": Message(_("The file is gone"), _("Send the file again as a new batch.")),
}

#: Why a batch stopped or may not be undone.
BATCH_REASONS: dict[str, Message] = {
    "failed": Message(_("Stopped by an error"), _("Files marked done are in; the others are taken in on resuming.")),
    "undo_not_done": Message(_("Only a finished batch can be undone"), _("Wait until it has finished.")),
    "undone_before": Message(_("Undone already"), _("There is nothing left to undo.")),
    "undo_dry_run": Message(_("A dry run changed nothing"), _("There is nothing to undo.")),
    "undo_later_batch": Message(
        _("A later batch changed the same rows"), _("Undo that batch first; batches are undone newest first.")
    ),
    "undo_not_allowed": Message(_("Not allowed to undo"), _("Ask an administrator.")),
    "undo_in_use": Message(
        _("Records of this batch are in use"),
        _("Notes, accounts or figures hang on records that this batch brought; they would be lost."),
    ),
}


def row_reason(code: str) -> Message:
    """Text of a row's reason; an unknown code speaks for itself."""
    return ROW_REASONS.get(code, Message(code, ""))


def file_reason(code: str) -> Message:
    """Text of a file's refusal."""
    return FILE_REASONS.get(code, Message(code, ""))


def batch_reason(code: str) -> Message:
    """Text of a batch's problem."""
    return BATCH_REASONS.get(code, Message(code, ""))
