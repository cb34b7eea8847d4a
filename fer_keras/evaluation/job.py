"""What `python evaluate.py` does: find the networks and the images, measure, write, and say it."""

from pathlib import Path

import numpy as np

from fer_keras import cli
from fer_keras.console import counted
from fer_keras.data.cache import content_sha256
from fer_keras.errors import UserError
from fer_keras.evaluation import submission
from fer_keras.evaluation.caveats import of_drawn_faces
from fer_keras.evaluation.held_out import HeldOut, hold_out
from fer_keras.evaluation.options import Options
from fer_keras.evaluation.replaced import CARD, PHOTOS, PREDICTED, apart, refuse_other_files, replaced_by
from fer_keras.evaluation.runs_to_evaluate import (
    Candidate,
    find_candidates,
    judges_json,
    members_of,
    refuse_lone_votes,
    refuse_two_votes,
)
from fer_keras.files import expanded, writable, write_json, write_text
from fer_keras.lock import only_writer
from fer_keras.runs import COMPARE, METRICS, PREDICTIONS

# Everything that imports Keras, or Matplotlib, is imported where it is used: mistakes are told without waiting for it.


def run(options: Options) -> None:
    """Do what is asked for. UserError for every mistake in it, before anything of an evaluation is written."""
    candidates = find_candidates(options.run, logdir=options.logdir, epoch=options.epoch)
    if not options.compare:
        refuse_two_votes(candidates)
    if options.vote == "hard":
        refuse_lone_votes(candidates, apart=options.compare)
    if options.predict:
        paths = [expanded(path) for path in options.predict]
        if any(submission.is_csv(path) for path in paths):
            predict_csv(candidates, paths, options)
        else:
            predict_photos(candidates, paths, options)
        return
    chosen = {"data": options.data, "split": options.split, "limit": options.limit, "seed": options.seed}
    held = hold_out(candidates, **chosen, find_copies=True)
    if options.vote == "hard" and held.fold_of is not None:
        raise UserError("--vote hard: of a cross-validation, one network judges each of these images. Leave it out")
    if options.compare:
        compare_runs(candidates, held, options)
    else:
        evaluate_runs(candidates, held, options)


def evaluate_runs(candidates: list[Candidate], held: HeldOut, options: Options) -> None:
    """Evaluate the networks of all candidates together."""
    folder = apart(_folder(held.split, candidates, options), "an evaluation")
    cli.import_quietly()
    from fer_keras.evaluation import card, console, report

    pictures = [f"{name}.png" for name in report.FIGURES] + [report.ENSEMBLE] * (len(members_of(candidates)) > 1)
    refuse_other_files(folder, [METRICS, PREDICTIONS, CARD, *pictures])
    evaluation = report.evaluate(candidates, held, tta=options.tta, vote=options.vote, seed=options.seed)
    print(console.evaluation_text(evaluation), flush=True)
    with only_writer(folder):
        page, earlier = folder / CARD, replaced_by([report.to_json(evaluation)], folder / METRICS)
        (folder / METRICS).unlink(missing_ok=True)  # it comes last: where it is, all beside it belongs to it
        write_text(page, card.card_text(evaluation))
        written = [*report.write_evaluation(evaluation, folder), page]
    print(f"\n{console.written_text(folder, written)}", flush=True)
    _say_replaced(earlier)


def compare_runs(candidates: list[Candidate], held: HeldOut, options: Options) -> None:
    """Evaluate each candidate for itself, and test whether they differ."""
    folder = apart(_folder(f"{held.split}-compare", candidates[:1], options), "an evaluation")
    cli.import_quietly()
    from fer_keras.evaluation import compare, console, report

    refuse_other_files(folder, [COMPARE, compare.PICTURE])
    comparison = compare.compare(candidates, held, tta=options.tta, vote=options.vote, seed=options.seed)
    print(compare.comparison_text(comparison), flush=True)
    with only_writer(folder):
        earlier = replaced_by([report.to_json(one) for one in comparison.evaluations], folder / COMPARE)
        (folder / COMPARE).unlink(missing_ok=True)  # it comes last here too
        written = compare.write_comparison(comparison, folder)
    print(f"\n{console.written_text(folder, written)}", flush=True)
    _say_replaced(earlier)


def _folder(what: str, candidates: list[Candidate], options: Options) -> Path:
    """Return where to write: of other networks, or another epoch, beside what there is of the run's own."""
    many = f"-ensemble-of-{len(candidates)}" if len(candidates) > 1 else ""
    epoch = f"-epoch-{options.epoch}" if options.epoch is not None else ""
    return writable(options.output or candidates[0].run.evaluation(f"{what}{many}{epoch}"))


def _say_of_drawn_faces(candidates: list[Candidate]) -> None:
    from fer_keras.evaluation import console

    if said := console.warnings_text([*of_drawn_faces(candidates)]):
        print(f"{said}\n", flush=True)


def _say_replaced(earlier: str | None) -> None:
    if earlier:
        print(f"It replaces one that stood there, of {earlier}. --output FOLDER keeps both", flush=True)


def predict_csv(candidates: list[Candidate], paths: list[Path], options: Options) -> None:
    """Predict an unlabelled CSV file into a submission, or into predictions.csv with the probabilities."""
    if len(paths) > 1:
        raise UserError(f"--predict: expected one CSV file, or photos alone; received {len(paths)} paths. Run it twice")
    if not options.detect:
        raise UserError("--no-detect is for photos: a CSV holds faces already. Leave it out")
    faces = submission.read_rows(paths[0], options.limit)
    if options.submission is None:
        folder = _folder(f"predict-{paths[0].stem}", candidates, options)
        file = apart(folder, "the predictions of a file") / PREDICTIONS
    else:
        file = expanded(options.submission)
        if file.exists() and not file.is_file():
            kind = "folder" if file.is_dir() else "device"
            raise UserError(f"--submission: expected a file to write, received the {kind} {file}. Add a name")
        writable(file.parent, "--submission")
    if file.exists() and file.samefile(paths[0]):
        raise UserError(
            f"{file}: expected another file to write than the one to read, received the same. Choose another"
        )
    if options.submission is None:
        refuse_other_files(folder, [PREDICTIONS, PREDICTED])
    else:
        submission.refuse_other_file(file)
    replaced = ". It replaces one that stood there" if file.exists() else ""
    cli.import_quietly()
    from fer_keras.evaluation import ensembles, report

    _say_of_drawn_faces(candidates)

    probabilities = ensembles.member_probabilities(members_of(candidates), faces.images, tta=options.tta)
    decision = ensembles.decide(probabilities, options.vote)
    if options.submission is None:
        file.with_name(PREDICTED).unlink(missing_ok=True)  # it comes last
        report.write_predictions(file, faces, decision)
        data = {"source": faces.source, "sha256": content_sha256(paths[0])}
        write_json(
            file.with_name(PREDICTED),
            {"data": data, "n": len(faces), **judges_json(candidates, options.tta, options.vote)},
        )
    else:
        names = options.columns or submission.DEFAULT_COLUMNS
        submission.write_submission(file, submission.submission_ids(faces), decision.predicted, names)
    print(
        f"{submission.counts_text(decision.predicted)}\n\n{len(faces):,} rows written to {file}{replaced}", flush=True
    )


def predict_photos(candidates: list[Candidate], paths: list[Path], options: Options) -> None:
    """Find the faces in photos, mark them on copies of the photos, and say what each one shows."""
    if options.submission is not None:
        raise UserError("--submission goes with one CSV file: expected --predict FILE.csv, received photos")
    if options.vote == "hard":
        raise UserError("--vote hard: photos show probabilities, which a majority has none of. Leave it out")
    from fer_keras.photos.find import find_photos

    asked = find_photos(paths)
    photos = asked[: options.limit or len(asked)]
    folder = apart(_folder("photos", candidates, options), "predictions of photos")
    cli.import_quietly()
    from fer_keras.evaluation import ensembles, own_photos
    from fer_keras.photos.predict import annotate, search_all

    table, told = folder / "photos.csv", folder / PHOTOS
    refuse_other_files(folder, [told.name, table.name])
    _say_of_drawn_faces(candidates)

    def predict(faces: np.ndarray) -> np.ndarray:
        probabilities = ensembles.member_probabilities(members_of(candidates), faces, tta=options.tta)
        return ensembles.decide(probabilities, options.vote).probabilities

    searched = search_all(photos, detect=options.detect)
    if all(result.unreadable for result in searched):
        more = f" ({len(searched)} such photos)" if len(searched) > 1 else ""
        raise UserError(f"--predict: {searched[0].path} {searched[0].problem}{more}")
    with only_writer(folder):
        replaced = ". It replaces one that stood there" if table.is_file() else ""
        earlier = own_photos.remove_earlier_pictures(table, asked)
        for file in (table, told):  # they come last: where they are, all beside them is theirs
            file.unlink(missing_ok=True)
        results = annotate(searched, predict, folder)
        own_photos.write_table(table, results)
        write_json(told, judges_json(candidates, options.tta, options.vote))
        gone = sum(not picture.is_file() for picture in earlier)  # and not drawn again
    pictures = sum(result.picture is not None for result in results)
    written = table.name + (f" and {counted(pictures, 'picture')}" if pictures else "") + replaced
    removed = f"\nremoved {counted(gone, 'picture')} of an earlier call; --output FOLDER keeps them" if gone else ""
    print(f"\n{own_photos.summary_text(results)}\n\nwritten to {folder}: {written}{removed}", flush=True)
