"""Look a collection of faces through: python -m fer_keras.data [PATH]"""

import sys
from pathlib import Path

from fer_keras import cli
from fer_keras.errors import UserError

_EPILOG = """\
It counts the images of each emotion and split, and finds constant and nearly uniform images, exact duplicates inside
a split and across splits, duplicates whose labels disagree, and photographs that stand in Training and in another
split, cut, scaled or mirrored. Nothing is changed.
"""


def main(argv: list[str] | None = None) -> None:
    parser = cli.Parser(
        prog="python -m fer_keras.data",
        description="Audit a data set of faces: numbers, duplicates, copies, doubtful labels.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "path",
        nargs="?",
        default="auto",
        metavar="PATH",
        help="a CSV file or an image folder; auto, the default, finds the same data as train.py; or synthetic",
    )
    parser.add_argument("--figure", metavar="FILE.png", help="show examples of each finding in a picture")
    parser.add_argument("--faces", metavar="FILE.png", help="show ten faces of each emotion in a picture")
    parser.add_argument("--json", metavar="FILE.json", help="write the numbers to a file too")
    arguments = parser.parse_args(argv)
    files = (("--figure", arguments.figure), ("--faces", arguments.faces), ("--json", arguments.json))
    for flag, name in files:
        suffix = ".json" if flag == "--json" else ".png"
        if name and not name.lower().endswith(suffix):  # the name of the data, given here by mistake, is not written to
            raise UserError(f"{flag}: expected a name that ends in {suffix}, received '{name}'")

    # Imported late: --help answers without NumPy and Matplotlib.
    from fer_keras.data.audit import audit
    from fer_keras.data.faces import SYNTHETIC_NOTE
    from fer_keras.data.prepare import load_faces
    from fer_keras.files import writable, write_json

    figure, sheet, numbers = (
        writable(Path(name).parent, flag) / Path(name).name if name else None for flag, name in files
    )
    faces = load_faces(arguments.path)
    findings = audit(faces)
    print(f"{faces.source}\nSHA-256 {faces.sha256}\n\n{findings.table()}")
    if numbers:
        write_json(numbers, findings.figures())
        print(f"\nwrote {numbers}")
    if figure:
        from fer_keras.plots.audit import audit_figure
        from fer_keras.plots.style import save_figure

        save_figure(audit_figure(faces, findings), figure, note=faces.source)
        print(f"\nwrote {figure}")
    if sheet:
        from fer_keras.plots.faces_sheet import emotions_sheet
        from fer_keras.plots.style import save_figure

        save_figure(emotions_sheet(faces), sheet, note=SYNTHETIC_NOTE if faces.synthetic else faces.source)
        print(f"\nwrote {sheet}")


if __name__ == "__main__":
    sys.exit(cli.guarded(main, "python -m fer_keras.data"))
