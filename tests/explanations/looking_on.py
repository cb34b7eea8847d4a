"""What a command has left, and what it was made of."""

import inspect
from contextlib import contextmanager

import pytest


def names_in(folder):
    return {path.name for path in folder.iterdir()}


@contextmanager
def recorded(*functions):
    """Note the calls of functions, each (module, name): by its name a list of [arguments by name, what it returned]."""
    calls = {name: [] for _, name in functions}

    def noting(function, name):
        def call(*positional, **named):
            arguments = dict(inspect.signature(function).bind(*positional, **named).arguments)
            calls[name].append([arguments, function(*positional, **named)])
            return calls[name][-1][1]

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in functions:
            patch.setattr(module, name, noting(getattr(module, name), name))
        yield calls
