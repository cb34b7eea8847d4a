"""What `python evaluate.py` is asked for, checked before anything heavy is loaded."""

from dataclasses import dataclass

from fer_keras.config import TTA
from fer_keras.errors import UserError, unknown_name

VOTES = {"soft": "mean probability", "hard": "majority vote"}


@dataclass(frozen=True)
class Options:
    """The flags of evaluate.py. Field `predict` is the flag `--predict`, and so on; None and () are: not given."""

    run: tuple[str, ...] = ()
    epoch: int | None = None
    data: str | None = None
    split: str | None = None
    tta: str = "none"
    vote: str = "soft"
    predict: tuple[str, ...] = ()
    submission: str | None = None
    columns: tuple[str, ...] | None = None
    detect: bool = True
    compare: bool = False
    limit: int = 0
    logdir: str = "logs"
    output: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tta not in TTA:
            raise unknown_name("--tta", self.tta, TTA)
        if self.vote not in VOTES:
            raise unknown_name("--vote", self.vote, VOTES)
        for name, least in (("epoch", 1), ("limit", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"--{name}: expected a whole number of at least {least}, received {value}")
        self._check_together()
        if self.columns is not None and (len(self.columns) != 2 or len({*self.columns, ""}) != 3):
            received = ",".join(self.columns)
            raise UserError(f"--columns: expected two different names, as in id,label; received '{received}'")

    def _check_together(self) -> None:
        """Refuse flags that would be silently without effect."""
        if not self.predict:
            without = {"--submission": self.submission, "--columns": self.columns, "--no-detect": not self.detect}
            given = [flag for flag, value in without.items() if value]
            if given:
                raise UserError(f"{given[0]} goes with --predict: expected --predict PATH too")
        else:
            evaluating = {"--data": self.data, "--split": self.split, "--compare": self.compare}
            given = [flag for flag, value in evaluating.items() if value]
            if given:
                raise UserError(f"--predict takes its images from its own PATHs: expected no {given[0]}. Leave one out")
        if self.submission is not None and self.output is not None:
            raise UserError("--submission is the one file that is written: expected no --output. Leave one out")
        if self.columns is not None and self.submission is None:
            raise UserError("--columns names the columns of a submission: expected --submission FILE too")
        if self.compare and len(self.run) < 2:
            raise UserError(
                f"--compare: expected two or more runs, received {len(self.run)}. Name them: --run A --run B"
            )
