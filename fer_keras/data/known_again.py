"""Runs know the data again that they have learned from, where these come in a file with other images to test on.

FER2013 is passed on with PrivateTest and without. A run's record of its data (config.json) holds the SHA-256 of the
file and, in newer versions, that of all that it may have learned from or been selected on (`development_sha256`). Where
the latter is that of the data at hand, what follows from the record holds for them. Not so for a run with
--drop-copies: what it left out depends on what it would be tested on.
"""

from dataclasses import replace
from typing import Any

from fer_keras.data.faces import Faces
from fer_keras.provenance import Ancestor, ancestors_in


def record_on(record: dict[str, Any], faces: Faces, *, drop_copies: bool) -> dict[str, Any]:
    """Return config.json's "data", as if the run, and all that it comes from, had read the file of `faces`.

    The record itself where Training or PublicTest are others there, or where it is not known whether they are.
    drop_copies: as the run's settings have it.
    """
    if "starts_from" in record:
        record = record | {"starts_from": [ancestor_on(one, faces).to_json() for one in ancestors_in(record)]}
    known = _holds_the_same(faces, record.get("development_sha256", ""))
    return record | {"sha256": faces.sha256} if known and not drop_copies else record


def ancestor_on(ancestor: Ancestor, faces: Faces) -> Ancestor:
    """Return what is recorded of one run that another comes from, the same way."""
    if not _holds_the_same(faces, ancestor.development_sha256) or ancestor.split.drop_copies:
        return ancestor
    return replace(ancestor, split=replace(ancestor.split, sha256=faces.sha256))


def _holds_the_same(faces: Faces, development_sha256: str) -> bool:
    return development_sha256 == faces.development_sha256 != ""
