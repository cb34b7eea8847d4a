"""Mistakes that a user can make, told in one line: what was expected, what was received, what to do."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's. The scripts print its text as one line and exit with code 2.

    Anything else that is raised is a defect of this program and keeps its traceback.
    """


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'conv2d_24'?" for the known name nearest to `name`, or "" when none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not among the known ones, e.g. an architecture or a split."""
    known = list(known)
    return UserError(f"no {kind} '{name}'.{near_miss(name, known)} Expected one of: {', '.join(known)}")
