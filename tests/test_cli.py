import errno
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fer_keras import cli
from fer_keras.config import Settings
from fer_keras.errors import UserError

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "jax", "matplotlib", "pandas", "sklearn")


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("expected this,\n received that"), 2, "prog: expected this, received that\n"),
        (OSError(errno.ENOSPC, "full", "logs/x"), 2, "prog: logs/x: No space left on device. What to do: free some"),
        (PermissionError(errno.EACCES, "no", "logs"), 2, "prog: logs: Permission denied. What to do:"),
        (KeyboardInterrupt(), 130, "prog: stopped\n"),
        (ModuleNotFoundError("no", name="lime.wrappers"), 2, "prog: lime is not installed for "),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_an_exit_code(capsys, error, code, said):
    assert cli.guarded(raising(error), "prog") == code
    printed = capsys.readouterr().err
    assert printed.startswith(said) and printed.count("\n") == 1


def test_what_the_package_tells_on_its_way_stands_on_the_terminal(capsys):
    log = logging.getLogger("fer_keras.data.folders")
    assert cli.guarded(lambda: log.info("Decoding %d images", 3), "prog") == 0
    log.info("after the end")
    assert capsys.readouterr().err == "Decoding 3 images\n"


def test_a_home_that_the_shell_left_alone_is_meant(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.folder("~/runs") == str(tmp_path / "runs") and cli.folder("logs") == "logs"
    for script in ("train.py", "evaluate.py", "visualize.py"):
        run = [sys.executable, script, "--logdir=~nobody-of-this-name/runs"]
        done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "received no user's name" in done.stderr and done.stderr.count("\n") == 1


class Interrupted:
    """What a signal falls into as it goes: Python drops what its destructor raises."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_falls_into_a_destructor_is_not_lost(capsys):
    went_on = threading.Event()
    deadline = threading.Timer(60, went_on.set)

    def main():
        deadline.start()
        Interrupted()
        went_on.wait()  # as work in other threads is waited for

    hook, handlers = sys.unraisablehook, {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell has it for a program in the background
    try:
        assert cli.guarded(main, "prog") == 130 and not went_on.is_set()
    finally:
        deadline.cancel()
        for one, handler in handlers.items():
            signal.signal(one, handler)
    assert capsys.readouterr().err == "prog: stopped\n" and sys.unraisablehook is hook


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours"),
        OSError(errno.EIO, "disk is dying"),
        KeyError("x"),
        ModuleNotFoundError("no", name="fer_keras.gone"),
    ],
)
def test_our_own_errors_keep_their_traceback(error):
    with pytest.raises(type(error)):
        cli.guarded(raising(error), "prog")


def test_every_setting_has_a_flag_and_only_given_ones_count():
    parser = cli.Parser(prog="train.py")
    cli.add_settings(parser)
    given = ["--arch", "cnn4", "--rollback", "--learning-rate", "3e-4", "--no-equalize"]
    given += ["--teachers", "a", "--teachers", "b"]
    expected = {"arch": "cnn4", "rollback": True, "learning_rate": 3e-4, "equalize": False, "teachers": ("a", "b")}
    assert cli.given_settings(parser.parse_args(given)) == expected
    assert cli.given_settings(parser.parse_args([])) == {}
    for name in Settings().to_json():
        assert f"--{name.replace('_', '-')}" in parser.format_help()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epocs", "3"], "unknown argument '--epocs'. Did you mean '--epochs'?"),
        (["--epoch", "3"], "unknown argument '--epoch'"),  # no abbreviations: they change meaning with each new flag
        (["--epochs", "many"], "expected a whole number, received 'many'"),
        (["--epochs"], "expected one argument"),
    ],
)
def test_a_wrong_flag_is_one_line(arguments, said):
    parser = cli.Parser(prog="train.py")
    cli.add_settings(parser)
    with pytest.raises(UserError) as refused:
        parser.parse_args(arguments)
    assert said in str(refused.value)


def script(*arguments, **options):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.mark.parametrize("name", ["train.py", "evaluate.py", "visualize.py"])
def test_help_answers_without_heavy_libraries(name):
    probe = f"""
import runpy, sys
sys.argv = [{name!r}, "--help"]
try:
    runpy.run_path({name!r}, run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print([heavy for heavy in {HEAVY!r} if heavy in sys.modules])
"""
    answer = script("-c", probe)
    assert answer.returncode == 0, answer.stderr
    assert "--logdir" in answer.stdout and answer.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--batch-size", "0"], "--batch-size: expected a whole number of at least 1, received 0"),
        (["--epochs", "-1"], "--epochs: expected a whole number of at least 0, received -1"),
        (["--arch", "vgg52"], "Did you mean 'vgg25'?"),
        (["--resume", "x", "--epochs", "3"], "expected no --epochs"),
        (["--config", "none.json"], "no file none.json"),
        (["--config", ""], "--config: expected a value, received an empty one. See --help"),
        (["--logdir", ""], "--logdir: expected a value, received an empty one. See --help"),
        (["--teachers", "a", ""], "--teachers: expected a value, received an empty one"),
        (["--fine-tune-learning-rate", "0.0001"], "expected --fine-tune-epochs too"),
        (["--fine-tune-optimizer", "adam", "--fine-tune-epochs", "0"], "expected --fine-tune-epochs too"),
        (["--warmup-epochs", "2", "--schedule", "one-cycle"], "one-cycle is its own warm-up"),
        (["--data", b"caf\xe9.csv"], r"expected names in UTF-8, received 'caf\udce9.csv'"),
        (["--name", "a/b"], "--name: expected"),
    ],
)
def test_train_refuses_mistakes_in_one_line_before_anything_heavy(arguments, said, tmp_path):
    answer = script("train.py", "--logdir", str(tmp_path / "logs"), *arguments)
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr.startswith("train.py: ") and answer.stderr.count("\n") == 1 and said in answer.stderr
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("backend", "said"), [("theano", "expected tensorflow or jax, received 'theano'"), ("jax", "jax is not installed")]
)
def test_a_backend_that_is_not_there_is_told_in_one_line(monkeypatch, backend, said):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=said):
        cli.import_quietly()


def test_a_persons_keras_json_decides_nothing(tmp_path):
    """Where it names JAX, which is not installed, Keras would not start; half precision would train nothing."""
    text = '{"backend": "jax", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.1}'
    (tmp_path / "keras.json").write_text(text)
    probe = (
        "from fer_keras import cli; cli.import_quietly(); import keras; from keras import config as c; "
        "print(keras.backend.backend(), c.floatx(), c.image_data_format(), c.epsilon())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "tensorflow float32 channels_last 1e-07\n", done.stderr


def test_networks_that_are_traced_one_after_another_are_no_warning_and_others_stay():
    cli.import_quietly("tensorflow")
    import tensorflow as tf

    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    try:
        for _ in range(12):  # TensorFlow warns from the fifth on
            tf.function(lambda x: x + 1, autograph=False)(tf.zeros(1))  # autograph warns of Python 3.13
        tf.get_logger().warning("a warning")
    finally:
        tf.get_logger().removeHandler(handler)
    assert said == ["a warning"]


def test_what_the_terminal_cannot_write_is_written_otherwise():
    script = "from fer_keras import cli; import sys; sys.exit(cli.guarded(lambda: print('l\\u00f6gs')))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, [b"l\\xf6gs"])


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_program_without_standard_streams_does_its_work(tmp_path, closed):
    probe = (
        "import sys; from fer_keras import cli; from pathlib import Path\n"
        "def main():\n"
        "    print('said'); print('and', file=sys.stderr, flush=True)\n"
        f"    Path({str(tmp_path / 'done')!r}).write_text(str(sys.stderr.isatty()))\n"
        "sys.exit(cli.guarded(main, 'prog'))"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(probe)} {closed}"
    assert subprocess.run(["sh", "-c", command], cwd=ROOT, check=False).returncode == 0
    assert (tmp_path / "done").read_text() == "False"


@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "visualize.py"])
def test_help_needs_no_package_and_a_missing_one_is_told_in_one_line(tmp_path, script):
    """As with a Python that has none of them, where the virtual environment was not activated."""
    for name in ("numpy", "keras", "tensorflow", "matplotlib"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')")
    options = {"cwd": ROOT, "capture_output": True, "text": True, "check": False}
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    assert subprocess.run([sys.executable, script, "--help"], env=environment, **options).returncode == 0
    done = subprocess.run([sys.executable, script], env=environment, **options)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "numpy is not installed for" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux's")
def test_output_that_a_full_disk_has_no_room_for_is_told():
    script = "from fer_keras import cli; import sys; sys.exit(cli.guarded(lambda: print('said'), 'prog'))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2 and done.stderr.startswith(b"prog: No space left") and done.stderr.count(b"\n") == 1
