"""Faces out of the CSV files of FER2013 and its copies.

One row is one face: 2,304 whole numbers 0..255 in one field, divided by spaces, row by row of the image. The digits
of a few hundred rows at a time are turned into numbers by whole-array arithmetic. That fast path takes only what is
plainly right: where it meets anything else, the same rows go one by one through `_parse_row`, which is slow, accepts
all that is valid, and names the row and the reason where it is not.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_keras.data.faces import SPLIT_WORDS, SPLITS
from fer_keras.emotions import EMOTIONS, IMAGE_SIZE, NUM_EMOTIONS
from fer_keras.errors import UserError, near_miss

KNOWN_HEADERS = (
    "emotion,pixels,Usage",
    "emotion,Usage,pixels",
    "emotion,pixels",
    "pixels",
    "label,feature",
    "id,feature",
)
_ROLES = {"pixels": "pixels", "feature": "pixels", "emotion": "label", "label": "label", "usage": "usage", "id": "id"}

_NAMES_OF_SPLITS = ("split", "splits", "set", "subset", "partition")

_PIXELS = IMAGE_SIZE * IMAGE_SIZE
_BLOCK = 2**20  # bytes: about 125 rows, so that the arrays of one block stay in the processor's cache
_LONGEST_HEADER = 2**16  # bytes
_OTHER_FILES = {  # by their first bytes
    b"\x1f\x8b": " It is compressed: unpack it first (gunzip).",
    b"PK": " It is a zip archive, or a spreadsheet: unpack it, or save it as CSV, first.",
    b"\xff\xfe": " It is in UTF-16: save it in UTF-8.",
    b"\xfe\xff": " It is in UTF-16: save it in UTF-8.",
}
_EDGE = b' "\t\r\n'
_LABELS = {str(label).encode(): label for label in range(NUM_EMOTIONS)}
_USAGES = {word.encode(): split for word, split in SPLIT_WORDS.items()}
_EXPECTED_LABEL = ", ".join(f"{label} {name}" for label, name in enumerate(EMOTIONS))


@dataclass(frozen=True)
class _Columns:
    """Where the fields of a row stand; None for a column that the file does not have."""

    count: int
    pixels: int
    label: int | None
    usage: int | None
    id: int | None


@dataclass(frozen=True)
class _Rows:
    """The parsed rows of one block. images: uint8 (N, 2304); labels, usage and ids: one entry a row."""

    images: np.ndarray
    labels: list[int]
    usage: list[str]
    ids: list[str]


def read_csv(path: Path | str, *, labelled: bool = True) -> dict[str, np.ndarray]:
    """Read one CSV file of faces, a block of rows at a time.

    Columns are known by their names, in any order and any case: `pixels` or `feature`; `emotion` or `label`; `Usage`;
    `id`. Usage is one of SPLITS, or a word that folders may have for it. Other columns are passed over, except one
    with the splits in a file without `Usage`. Spaces around a field, quotes, a byte-order mark, Windows line ends and
    blank lines do no harm. Not `labelled`: whatever stands in columns but pixels and id is passed over, unread.

    Returns:
        The fields of `Faces` by name: images uint8 (N, 48, 48); labels int64 (N,), left out where the file has none;
        usage str (N,), "Training" in every row of a file without that column; ids str (N,), the value of the column
        `id`, else "row 2" and so on: the line in the file, where the header is row 1.

    Raises:
        UserError: naming the file, the row where there is one, what was expected and what was received.
    """
    path = Path(path)
    blocks: list[_Rows] = []
    with path.open("rb") as file:
        header = file.readline(_LONGEST_HEADER)
        columns = _read_header(path, header, labelled=labelled)
        number = 2  # of the line that comes next
        while lines := file.readlines(_BLOCK):
            numbered = [(number + i, line) for i, line in enumerate(lines) if line.strip()]
            number += len(lines)
            if numbered and labelled and columns.usage is None:
                _refuse_hidden_splits(path, header, [line for _, line in numbered])
            if numbered:
                blocks.append(_parse_fast(numbered, columns) or _parse_slowly(path, numbered, columns))
    if not blocks:
        raise UserError(f"{path} holds a header and no faces. Expected one face a row after it")
    arrays = _joined(blocks, labelled=columns.label is not None)
    _refuse_repeated_ids(path, arrays["ids"])
    return arrays


def _refuse_repeated_ids(path: Path, ids: np.ndarray) -> None:
    values, counts = np.unique(ids, return_counts=True)
    if len(values) < len(ids):
        raise UserError(
            f"{path}: expected an id of its own for every face, received '{values[counts.argmax()]}' "
            f"{counts.max()} times. Number the rows anew, or leave the column out"
        )


def _joined(blocks: list[_Rows], *, labelled: bool) -> dict[str, np.ndarray]:
    arrays = {
        "images": np.concatenate([block.images for block in blocks]).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        "usage": np.array([usage for block in blocks for usage in block.usage]),
        "ids": np.array([row_id for block in blocks for row_id in block.ids]),
    }
    if labelled:
        arrays["labels"] = np.array([label for block in blocks for label in block.labels], dtype=np.int64)
    return arrays


# --- the header -----------------------------------------------------------------------------------------------------


def _read_header(path: Path, line: bytes, *, labelled: bool) -> _Columns:
    if not line:
        raise UserError(f"{path} is empty. Expected a CSV with one of the headers {_known_headers()}")
    try:
        text = line.decode("utf-8-sig")
        names = [name.strip().lower() for name in next(csv.reader([text], skipinitialspace=True), [])]
    except (UnicodeDecodeError, csv.Error):
        names = None
    if names is None or not text.strip("\r\n").isprintable() or len(line) == _LONGEST_HEADER:
        known = next((what for start, what in _OTHER_FILES.items() if line.startswith(start)), "")
        if not known and b"\t" in line:
            known = " It is divided by tabs: save it with commas."
        raise UserError(f"{path} is not a CSV text file.{known} Expected one of the headers {_known_headers()}")

    places: dict[str, int] = {}
    for place, name in enumerate(names):
        role = _ROLES.get(name)
        if role in places:
            raise _header_error(path, text, f"two columns of {role}")
        if role is not None:
            places[role] = place
    if "pixels" not in places:
        raise _header_error(path, text, "no column 'pixels'", "pixels", names)
    if not labelled:
        return _Columns(len(names), places["pixels"], None, None, places.get("id"))
    if "label" not in places:
        # An unlabelled file is pixels alone, or with ids. Anything more is a label column under another name, and to
        # read such a file as unlabelled would hide the mistake.
        others = [name for name in names if name and _ROLES.get(name) not in ("pixels", "id")]
        if others:
            raise _header_error(path, text, "no column 'emotion'", "label", others)
    return _Columns(len(names), places["pixels"], places.get("label"), places.get("usage"), places.get("id"))


def _refuse_hidden_splits(path: Path, header: bytes, rows: list[bytes]) -> None:
    """Refuse a file whose splits stand in a column of another name: read without it, its test images would train.

    rows: a block of them; whatever else is wrong with them is told by their parser.
    """
    names = [name.strip(_EDGE.decode()) for name in header.decode("utf-8-sig").split(",")]
    others = [(place, name) for place, name in enumerate(names) if name.lower() not in _ROLES]
    if not others:
        return
    named = next((name for name in names if name.lower() in _NAMES_OF_SPLITS), None)
    if named is not None:
        raise UserError(
            f"{path}: no column 'Usage', but a column {_shown(named)}. If it tells {', '.join(SPLITS)} (or train, val, "
            f"test), call it Usage; else take it out"
        )
    for row in rows:
        fields = row.decode("utf-8", "replace").split(",")
        for place, name in others:
            value = fields[place].strip(_EDGE.decode()) if place < len(fields) else ""
            if value.lower() in SPLIT_WORDS:
                raise UserError(
                    f"{path}: no column 'Usage', but a column {_shown(name)} that says {_shown(value)}. Call it Usage"
                )


def _header_error(path: Path, header: str, problem: str, role: str = "", names: list[str] = ()) -> UserError:
    """Return what to say of a header. role: of the column that is missing, which one of `names` may be, misspelt."""
    spellings = [spelling for spelling, of in _ROLES.items() if of == role]
    guesses = [near_miss(name, spellings) for name in names if name not in _ROLES]
    guess = next((guess for guess in guesses if guess), "")
    if any(name.strip("'") in spellings for name in names):
        guess = " It is in single quotes: take them off."
    elif ";" in header:
        guess = " It is divided by semicolons: save it with commas."
    elif role == "pixels" and sum(name.rstrip("0123456789") in ("pixel", "pixels", "px", "") for name in names) > 1:
        guess = f" One column a pixel? All {_PIXELS:,} belong in one field, divided by spaces."
    return UserError(
        f"{path}, row 1: {problem}.{guess} Expected one of the headers {_known_headers()}; "
        f"received {_shown(header, 60)}"
    )


def _known_headers() -> str:
    return " | ".join(KNOWN_HEADERS)


# --- the fast path --------------------------------------------------------------------------------------------------


def _parse_fast(numbered: list[tuple[int, bytes]], columns: _Columns) -> _Rows | None:
    """Parse a block of lines at once; None where any of them needs a closer look."""
    rows = [line.split(b",") for _, line in numbered]
    if any(len(row) != columns.count for row in rows):
        return None
    images = _parse_pixels([row[columns.pixels].strip(_EDGE) for row in rows])
    if images is None:
        return None
    try:
        labels = [] if columns.label is None else [_LABELS[row[columns.label].strip(_EDGE)] for row in rows]
        if columns.usage is None:
            usage = ["Training"] * len(rows)
        else:
            usage = [_USAGES[row[columns.usage].strip(_EDGE).lower()] for row in rows]
        if columns.id is None:
            ids = [f"row {number}" for number, _ in numbered]
        else:
            ids = [row[columns.id].strip(_EDGE).decode() for row in rows]
    except (KeyError, UnicodeDecodeError):
        return None
    return _Rows(images, labels, usage, ids)


def _parse_pixels(fields: list[bytes]) -> np.ndarray | None:
    """Parse N fields of 2,304 numbers each into uint8 (N, 2304); None unless every one of them is plainly right."""
    text = np.frombuffer(b"\n\n\n" + b"\n".join(fields) + b"\n", dtype=np.uint8)
    digit = text - np.uint8(ord("0"))  # wraps around: everything but a digit becomes 10 or more
    is_digit = digit < 10
    if not (is_digit | (text == ord(" ")) | (text == ord("\n"))).all():
        return None
    digit *= is_digit

    # At the last digit of a number, the two bytes before it are its tens and hundreds where they belong to it: the
    # tens are 0 when that byte is a space, and the hundreds count only where the tens are a digit.
    is_last = is_digit[3:-1] & ~is_digit[4:]
    tens_and_up = is_digit[2:-2]
    if (is_last & tens_and_up & is_digit[1:-3] & is_digit[:-4]).any():  # four digits or more
        return None
    value = digit[1:-3].astype(np.uint16) * tens_and_up
    value *= 10
    value += digit[2:-2]
    value *= 10
    value += digit[3:-1]

    last = np.flatnonzero(is_last)  # take() at places is four times as fast as indexing by the mask
    if len(last) != len(fields) * _PIXELS:
        return None
    stops = np.cumsum([len(field) + 1 for field in fields])
    of_rows = last.reshape(len(fields), _PIXELS)
    if (of_rows[1:, 0] < stops[:-1]).any() or (of_rows[:, -1] >= stops).any():  # right in all, but not in each row
        return None
    value = value.take(last)
    if value.max() > 255:
        return None
    return value.astype(np.uint8).reshape(len(fields), _PIXELS)


# --- the slow path --------------------------------------------------------------------------------------------------


def _parse_slowly(path: Path, numbered: list[tuple[int, bytes]], columns: _Columns) -> _Rows:
    parsed = [_parse_row(f"{path}, row {number}", number, line, columns) for number, line in numbered]
    images, labels, usage, ids = zip(*parsed, strict=True)
    return _Rows(np.stack(images), list(labels), list(usage), list(ids))


def _parse_row(place: str, number: int, line: bytes, columns: _Columns) -> tuple[np.ndarray, int | None, str, str]:
    """Parse one line into (pixels uint8 (2304,), label, usage, id), or raise the UserError that explains it."""
    try:
        text = line.decode("utf-8")
        if "\0" in text:
            raise UserError(f"{place}: expected text, received a NUL byte. Is the file damaged, or not a CSV?")
        fields = next(csv.reader([text], skipinitialspace=True))
    except UnicodeDecodeError:
        raise UserError(f"{place}: expected text, received other bytes. Is the file damaged, or not a CSV?") from None
    except csv.Error as error:
        raise _row_error(place, f"{columns.count} fields divided by commas", str(error)) from None
    if len(fields) != columns.count:
        raise _row_error(place, f"{columns.count} fields as in the header", str(len(fields)))
    fields = [field.strip() for field in fields]
    pixels = _parse_row_pixels(place, fields[columns.pixels])
    label = None if columns.label is None else _parse_label(place, fields[columns.label])
    usage = "Training" if columns.usage is None else _parse_usage(place, fields[columns.usage])
    row_id = f"row {number}" if columns.id is None else fields[columns.id]
    return pixels, label, usage, row_id


def _parse_row_pixels(place: str, field: str) -> np.ndarray:
    words = field.split()
    for count, word in enumerate(words, start=1):
        # The length is checked too, for int() refuses thousands of digits with an error of its own.
        if not (word.isascii() and word.isdigit() and len(word) <= _PIXELS and int(word) <= 255):
            raise _row_error(place, "pixels from 0 to 255", f"{_shown(word)} as pixel {count:,}")
    if len(words) != _PIXELS:
        raise _row_error(place, f"{_PIXELS:,} pixels (48 x 48)", f"{len(words):,}")
    return np.array(words, dtype=np.int64).astype(np.uint8)


def _parse_label(place: str, field: str) -> int:
    label = _LABELS.get(field.encode())
    if label is None:
        raise _row_error(place, f"a label from 0 to 6 ({_EXPECTED_LABEL})", _shown(field))
    return label


def _parse_usage(place: str, field: str) -> str:
    usage = _USAGES.get(field.lower().encode())
    if usage is None:
        raise _row_error(
            place, f"a Usage of {', '.join(SPLITS)} (or train, val, test)", _shown(field), near_miss(field, SPLITS)
        )
    return usage


def _row_error(place: str, expected: str, received: str, guess: str = "") -> UserError:
    advice = "Mend it and any row like it, or take them out"
    return UserError(f"{place}: expected {expected}, received {received}.{guess} {advice}")


def _shown(text: str, longest: int = 20) -> str:
    """Return a piece of the file as it can stand in a one-line message."""
    text = text.strip()
    return repr(text if len(text) <= longest else text[:longest] + "...")
