"""How far a run has come and what follows from an epoch: plain values, no Keras. The checkpoint carries it as JSON."""

import dataclasses
import json
import math
from dataclasses import dataclass, field

PHASES = ("train", "fine-tune")
MAX_ROLLBACKS = 3  # in a row; the next epoch is accepted, or training would stand still for ever
PLATEAU_PATIENCE, PLATEAU_FACTOR = 4, 0.5  # schedule "plateau": epochs without a better one, then times this


@dataclass(frozen=True)
class EpochRow:
    """A row of history.csv. `loss` is the training objective (with augmentation, dropout and label smoothing),
    `accuracy` how often training names the largest share of a target, which is the label unless teachers or mixup say,
    `val_loss` the plain cross-entropy in nats, `learning_rate` that of the epoch's last step, `seconds` wall time
    since the epoch before was measured, with what was saved of that one."""

    phase: str
    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


COLUMNS = tuple(item.name for item in dataclasses.fields(EpochRow))


@dataclass(frozen=True)
class Verdict:
    """What to do after an epoch: save its network, go back to the best, lower the rate, end the phase."""

    save: bool
    roll_back: bool
    lower_rate: bool
    stop: bool
    since_best: int = 0  # epochs


@dataclass
class Progress:
    """The state of a run between two epochs; the only thing in training that changes besides the weights."""

    phase: str = PHASES[0]
    phase_over: bool = False
    rows: list[EpochRow] = field(default_factory=list)
    best_epoch: int = 0
    best_accuracy: float = -math.inf
    best_loss: float = math.inf
    since_best: int = 0
    standing_accuracy: float = -math.inf  # validation accuracy of the weights that the next epoch starts from
    rollbacks: int = 0  # in a row
    since_plateau: int = 0
    rate_factor: float = 1.0  # schedule "plateau"

    @property
    def epoch(self) -> int:
        """The number of epochs done, both phases."""
        return len(self.rows)

    def judge(
        self, row: EpochRow, *, early_stop: int, rollback: bool, plateau: bool, last: bool, keep: str = "best"
    ) -> Verdict:
        """Take in an epoch and say what follows. The best epoch is the one of the highest validation accuracy; of two
        equal ones that of the lower validation loss, then the earlier. With keep "last" it is always the latest."""
        self.rows.append(row)
        found = (row.val_accuracy, -row.val_loss)
        best = keep == "last" or found > (self.best_accuracy, -self.best_loss)
        if best:
            self.best_epoch, self.best_accuracy, self.best_loss = row.epoch, row.val_accuracy, row.val_loss
        self.since_best = 0 if best else self.since_best + 1
        self.since_plateau = 0 if best or not plateau else self.since_plateau + 1

        lowered = row.val_accuracy < self.standing_accuracy
        roll_back = rollback and lowered and self.rollbacks < MAX_ROLLBACKS
        self.rollbacks = self.rollbacks + 1 if roll_back else 0
        self.standing_accuracy = self.best_accuracy if roll_back else row.val_accuracy

        lower_rate = plateau and self.since_plateau >= PLATEAU_PATIENCE
        if lower_rate:
            self.since_plateau, self.rate_factor = 0, self.rate_factor * PLATEAU_FACTOR
        stop = bool(early_stop) and self.since_best >= early_stop
        self.phase_over = stop or last
        return Verdict(best, roll_back, lower_rate, stop, self.since_best)

    def begin_phase(self, phase: str) -> None:
        """Enter a phase from the weights that were kept."""
        self.phase, self.phase_over = phase, False
        self.since_best = self.since_plateau = self.rollbacks = 0
        self.standing_accuracy, self.rate_factor = self.best_accuracy, 1.0

    def epochs_in_phase(self) -> int:
        return sum(row.phase == self.phase for row in self.rows)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Progress":
        """Return what `to_json` has written. ValueError, TypeError or KeyError for anything else."""
        values = json.loads(text)
        progress = cls(**values | {"rows": [EpochRow(**row) for row in values["rows"]]})
        if progress.phase not in PHASES:
            raise ValueError(f"no phase {progress.phase!r}")
        return progress
