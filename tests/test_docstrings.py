import dataclasses
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


@pytest.mark.parametrize("name", sorted(set(documented())))
def test_docstring_is_complete(name):
    waived = set(WAIVED)
    module, _, public = name.rpartition(".")
    thing = getattr(sys.modules.get(module), public, None)
    if dataclasses.is_dataclass(thing) or hasattr(thing, "_fields"):
        waived.add("PR01")  # results, which users read and do not construct, list attributes
    errors = [
        f"{code}: {message}" for code, message in validate(name)["errors"] if code not in waived
    ]
    assert not errors
