"""What a verb of the client records refuses, in the viewer's language."""

from django.utils.functional import Promise


class Refused(Exception):
    """A wish that the rules do not allow; `message` says why and what to do."""

    def __init__(self, message: str | Promise) -> None:
        super().__init__(str(message))
        self.message = message


class Conflict(Exception):
    """Somebody else saved in between; nothing was written."""
