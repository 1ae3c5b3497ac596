"""Versions of the libraries that a result was computed with."""

import platform
import re
from importlib import metadata


def versions() -> dict[str, str]:
    """Collect the versions of Python, of this library and of everything that it can use.

    Maps names to versions, or to "not installed". The libraries are those that the installed
    package names as its dependencies, extras included; none of them is imported. The last entries
    are the platform, and the linear algebra libraries with the number of their threads.

    Examples
    --------
    >>> found = versions()
    >>> list(found)[:3]
    ['cocktailparty', 'python', 'numpy']
    """
    installed = {
        "cocktailparty": metadata.version("cocktailparty"),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
    }
    for requirement in metadata.requires("cocktailparty") or ():
        # A requirement reads 'dask[distributed]>=2025.1; extra == "search"'.
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = "not installed"
    installed["platform"] = platform.platform()
    installed["blas"] = _blas()
    return installed


def _blas() -> str:
    import numpy as np  # noqa: F401  (its BLAS has to be loaded before it can be asked)
    from threadpoolctl import threadpool_info

    libraries = {
        f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    return "; ".join(sorted(libraries)) or "unknown"
