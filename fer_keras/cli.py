"""What the commands share: flags, one-line errors, quiet libraries. Imports neither TensorFlow nor Keras."""

import _thread
import argparse
import dataclasses
import errno
import importlib.util
import io
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from fer_keras import config
from fer_keras.errors import UserError, near_miss, refuse_other_encoding

BACKENDS = ("tensorflow", "jax")  # of Keras, the default first
# Errors of the operating system that a person can mend; any other one is a defect and keeps its traceback.
_MENDABLE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EACCES: "choose another place, or change its permissions",
    errno.EPERM: "choose another place, or change its permissions",
    errno.EROFS: "choose a place that can be written",
    errno.ENOTDIR: "choose another place",
    errno.EISDIR: "name a file",
    errno.EEXIST: "choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EFBIG: "raise the limit on the size of files, or choose another file system",
    errno.ELOOP: "remove the links that lead round in a circle",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and name the nearest flag."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}. See --help")

    def parse_args(self, args=None, namespace=None):  # as argparse, but with the near miss of an unknown flag
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].split("=")[0]
            raise UserError(f"unknown argument '{name}'.{near_miss(name, self._option_string_actions)} See --help")
        for action in self._actions:
            value = getattr(known, action.dest, None)
            if value == "" or (isinstance(value, list) and "" in value):  # a shell's variable that is not set
                name = action.option_strings[0] if action.option_strings else action.metavar or action.dest
                raise UserError(f"{name}: expected a value, received an empty one. See --help")
        return known


def guarded(main: Callable[[], int | None], program: str | None = None) -> int:
    """Call `main` and return the exit code: its own or 0, 2 with one line for a user's mistake, 130 for Ctrl-C."""
    program = program or os.path.basename(sys.argv[0])  # noqa: PTH119
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):  # a path may have letters that the terminal's encoding lacks
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends as cleanly as Ctrl-C
    again: list[threading.Timer] = []
    hook, sys.unraisablehook = sys.unraisablehook, _hook_that_interrupts_again(sys.unraisablehook, again)
    messages, log = logging.StreamHandler(), logging.getLogger("fer_keras")
    log.addHandler(messages)
    log.setLevel(logging.INFO)  # what takes a while says so
    try:
        for argument in sys.argv[1:]:
            refuse_other_encoding(argument)
        code = main() or 0
        _flush_output()
        return code
    except UserError as error:
        print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "fer_keras"):
            raise
        print(
            f"{program}: {package} is not installed for {sys.executable}. Activate the environment that has it, or "
            f"install it: pip install -r requirements.txt",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"{program}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, say `head`, has gone
        _close_output()
        return 141
    except OSError as error:
        advice = _MENDABLE.get(error.errno)
        if advice is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"{program}: {where}{os.strerror(error.errno)}. What to do: {advice}", file=sys.stderr)
        return 2
    finally:
        log.removeHandler(messages)
        sys.unraisablehook = hook
        for timer in again:
            timer.cancel()


def _flush_output() -> None:
    """Write what is left of the output while a disk that is full, or a reader that has gone, can still be told."""
    try:
        sys.stdout.flush()
    except OSError:
        _close_output()
        raise


def _close_output() -> None:
    """Let what is left of the output lead nowhere, or Python would fail at it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    """Give a program that was started without its standard streams (`2>&-`) ones that lead nowhere: libraries, and the
    files that would get their numbers, need them."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - open for as long as it runs


def _hook_that_interrupts_again(hook: Callable, again: list[threading.Timer]) -> Callable:
    """Return `hook`, but interrupting the main thread a moment later if Ctrl-C or a kill fell into a destructor.

    Python would go on there, and TensorFlow's destructors run between any two steps. A moment later, for what is raised
    in the hook is lost as well. again: gets the timers.
    """

    def interrupt_again(unraisable: "sys.UnraisableHookArgs") -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            hook(unraisable)
            return
        again.append(threading.Timer(0.05, _terminate_main_thread))
        again[-1].daemon = True
        again[-1].start()

    return interrupt_again


def _terminate_main_thread() -> None:
    """Send it SIGTERM, which a shell never has a program in the background ignore, as it does Ctrl-C."""
    if hasattr(signal, "pthread_kill"):  # wakes it where it waits, too
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
    else:
        _thread.interrupt_main(signal.SIGTERM)


def folder(text: str) -> str:
    """Return the path of a folder with ~ as the home it means: a shell leaves it as it is in `--logdir=~/runs`."""
    from fer_keras.files import expanded  # here, for it takes NumPy along, and --help should not wait for it

    return str(expanded(text)) if text else ""  # an empty one is refused, and no "."


# What TensorFlow's C++ parts say on import whatever TF_CPP_MIN_LOG_LEVEL is: informational, and no use to a user.
_IMPORT_NOISE = (b"WARNING: All log messages before absl::InitializeLog()", b"I0000 ")


def import_quietly(*modules: str) -> None:
    """Import Keras, and modules beside it, without TensorFlow's informational messages; errors still show.

    A person's keras.json decides nothing here: neither the backend, nor in which format the networks compute.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").addFilter(_is_of_use)
    _check_backend()
    sys.stderr.flush()
    stderr = os.dup(2)
    with _temporary_file() as said:
        os.dup2(said.fileno(), 2)
        try:
            for module in ("keras", *modules):
                importlib.import_module(module)
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            said.seek(0)
            lines = [line for line in said.readlines() if not line.startswith(_IMPORT_NOISE)]
            os.write(2, b"".join(lines))
    keras = sys.modules["keras"]
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)


def _temporary_file():
    """Return a temporary file; where the system has no folder for them one in memory, or one that keeps nothing."""
    try:
        return tempfile.TemporaryFile()
    except FileNotFoundError:
        in_memory = getattr(os, "memfd_create", None)  # Linux alone
        return os.fdopen(in_memory("said"), "w+b") if in_memory else open(os.devnull, "w+b")  # noqa: PTH123


def _is_of_use(record: logging.LogRecord) -> bool:
    """Return whether a warning is worth a user's reading: not that several networks were traced, one after another."""
    return "triggered tf.function retracing" not in record.getMessage()


def _check_backend() -> None:
    backend = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if backend not in BACKENDS:
        raise UserError(f"KERAS_BACKEND: expected {' or '.join(BACKENDS)}, received '{backend}'")
    if importlib.util.find_spec(backend) is None:
        raise UserError(f"KERAS_BACKEND: {backend} is not installed. Install it, or leave KERAS_BACKEND out")
    os.environ["KERAS_BACKEND"] = backend  # which Keras heeds more than its keras.json


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add one flag for each field of `Settings`. A flag that is not given leaves no attribute behind."""
    for item in dataclasses.fields(config.Settings):
        kind, limits = config.value_type(item), item.metadata
        options: dict[str, Any] = {"dest": item.name, "default": argparse.SUPPRESS}
        text = limits["help"].replace("%", "%%")
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif kind is tuple:
            options |= {"nargs": "+", "action": "extend", "metavar": "NAME"}
        else:
            options["type"] = number(kind) if kind in (int, float) else str
            options["metavar"] = "|".join(limits["choices"]) or {int: "N", float: "X", str: "NAME"}[kind]
            if item.name == "arch":
                options["metavar"] = "NAME"
                text += ": " + ", ".join(limits["choices"])
            if item.default is not None:
                many = limits["many"]
                text += f" (default: {item.default}"
                text += ")" if many is None else f"; {many} from {config.MANY:,} training images on)"
        parser.add_argument(config.flag(item.name), help=text, **options)


def number(kind: type) -> Callable[[str], int | float]:
    """Return the `type` of a flag that takes an int or a float, with an error that says what was expected."""

    def parse(text: str) -> int | float:
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {wanted}, received '{text}'") from None

    return parse


def at_least_one(text: str) -> int:
    """Return the whole number of a flag that takes 1 or more; the `type` of it."""
    value = number(int)(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, received '{text}'")
    return value


def given(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Parse the command line and return what stands on it, lists as tuples; the parser suppresses its defaults."""
    return _lists_as_tuples(vars(parser.parse_args()))


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that stand on the command line, by field name."""
    names = [item.name for item in dataclasses.fields(config.Settings)]
    return _lists_as_tuples({name: getattr(arguments, name) for name in names if hasattr(arguments, name)})


def _lists_as_tuples(found: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
