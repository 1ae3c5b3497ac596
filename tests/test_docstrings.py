import dataclasses
import functools
import importlib
import inspect
import pkgutil
import sys

import pytest
from numpydoc.validate import validate

PACKAGES = ("cocktailparty", "linear_aad", "cnmf", "deep")

# What numpydoc asks for and this project does not.
WAIVED = {
    "GL01",  # a summary on the first line is as readable
    "ES01",  # not everything needs a long text
    "EX01",  # or an example of its own
    "SA01",  # or a see-also section,
    "SA04",  # whose entries name public objects with a page of their own
    "RT02",  # a named return value tells more than a bare type
}
# What no face announces says its shapes and units in a sentence, or lists them.
WAIVED_INSIDE = {"PR01", "RT01", "YD01"}


def documented():
    """Names of all public modules, classes, functions and methods that are written here."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        names = [package]
        names += [m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.")]
        for name in names:
            if name.endswith("__main__"):
                continue
            module = importlib.import_module(name)
            for public, thing in vars(module).items():
                if public.startswith("_") or getattr(thing, "__module__", None) != name:
                    continue
                if inspect.isclass(thing):
                    yield f"{name}.{public}"
                    for method, function in vars(thing).items():
                        if not method.startswith("_") and (
                            callable(function) or isinstance(function, property | classmethod)
                        ):
                            yield f"{name}.{public}.{method}"
                elif inspect.isfunction(thing):
                    yield f"{name}.{public}"


@functools.cache
def announced():
    """Names of the functions and classes that packages and rooms list in `__all__`."""
    names = set()
    for package in PACKAGES:
        root = importlib.import_module(package)
        rooms = [m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.") if m.ispkg]
        for room in (package, *rooms):
            face = importlib.import_module(room)
            things = [getattr(face, public) for public in getattr(face, "__all__", ())]
            names |= {f"{t.__module__}.{t.__qualname__}" for t in things if callable(t)}
    return names


def test_the_faces_are_held_to_the_whole():
    # Were this set empty, nothing would have to be complete.
    assert {"cocktailparty.trial.Trial", "linear_aad.trf.BackwardTRF"} <= announced()


@pytest.mark.parametrize("name", sorted(set(documented())))
def test_docstring_is_complete(name):
    waived = set(WAIVED)
    module, _, public = name.rpartition(".")
    if not {name, module} & announced():
        waived |= WAIVED_INSIDE
    thing = getattr(sys.modules.get(module), public, None)
    if dataclasses.is_dataclass(thing) or hasattr(thing, "_fields"):
        waived.add("PR01")  # results, which users read and do not construct, list attributes
    errors = [
        f"{code}: {message}" for code, message in validate(name)["errors"] if code not in waived
    ]
    assert not errors
