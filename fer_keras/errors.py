"""Mistakes that a user can make, told in one line: what was expected, what was received, what to do."""

import difflib
import re
from collections.abc import Iterable

_MANY = 20  # known names, too many to list where one of them is meant


class UserError(Exception):
    """A mistake of the user's. The scripts print its text as one line and exit with code 2.

    Anything else that is raised is a defect of this program and keeps its traceback.
    """


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'conv2d_24'?" for the known name nearest to `name`, or "" when none is near.

    A name that differs in the number at its end alone comes first, of several the one of the nearest number: conv2d_25
    means conv2d_24. Then, of those nearly as near, one with the same number: 'conv24' means conv2d_24, not conv2d_4.
    Where none is nearly the same, the first that has `name` in it: '--val' means --val-fraction.
    """
    known, (stem, number) = list(known), _numbered(name)
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.6)
    close = close or [one for one in known if len(name) > 2 and name.lower() in one.lower()]
    close.sort(key=lambda one: _numbered(one)[1] != number)
    if number and (alike := [one for one in known if _numbered(one)[0] == stem and _numbered(one)[1]]):
        close = [min(alike, key=lambda one: abs(int(_numbered(one)[1]) - int(number)))]
    return f" Did you mean '{close[0]}'?" if close else ""


def _numbered(name: str) -> tuple[str, str]:
    """Split the number from the end of a name; "" where it has none."""
    number = re.search(r"[0-9]{0,9}$", name)[0]
    return name[: len(name) - len(number)], number


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not among the known ones, e.g. an architecture or a split.

    It lists them, but not so many beside one that is near: of a hundred layers the hint would be lost among them.
    """
    known = list(known)
    hint = near_miss(name, known)
    expected = f" {len(known)} {kind}s" if hint and len(known) > _MANY else f": {', '.join(known)}"
    return UserError(f"no {kind} '{name}'.{hint} Expected one of{expected}")


def refuse_other_encoding(name: str) -> None:
    """Raise UserError for a name, of a file say, that is not UTF-8, as old archives have them.

    Such a file can be opened, but its name can stand in no table, page or config.json that is written later.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in name):  # what Python makes of other bytes
        raise UserError(f"expected names in UTF-8, received {name!a}. Rename that file")
