import contextlib
import doctest
import importlib
import inspect
import io
import re
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {
    "cnmf": "cnmf",
    "cocktailparty": "cocktailparty",
    "cocktailparty.catalogue": "catalogue",
    "cocktailparty.datasets": "datasets",
    "cocktailparty.decoding": "decoding",
    "cocktailparty.electrodes": "electrodes",
    "cocktailparty.evaluation": "evaluation",
    "cocktailparty.features": "features",
    "cocktailparty.metrics": "metrics",
    "cocktailparty.model_selection": "model_selection",
    "cocktailparty.plots": "plots",
    "cocktailparty.recordings": "recordings",
    "cocktailparty.report": "report",
    "cocktailparty.search": "search",
    "cocktailparty.separation": "separation",
    "deep": "deep",
    "linear_aad": "linear_aad",
}


def public_names(module_name: str) -> set[str]:
    module = importlib.import_module(module_name)
    if hasattr(module, "__all__"):
        return {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module_name
    }


@pytest.mark.parametrize("module_name", PAGES)
def test_every_public_name_is_on_the_page_of_its_module(module_name: str) -> None:
    page = (DOCS / "api" / f"{PAGES[module_name]}.rst").read_text(encoding="utf-8")
    assert f".. currentmodule:: {module_name}\n" in page
    names = public_names(module_name)
    assert names
    assert names <= set(re.findall(r"^   (\w+)$", page, flags=re.MULTILINE))


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    pages = {path.stem for path in (DOCS / "api").glob("*.rst")} - {"index"}
    assert pages == set(re.findall(r"^   (\w+)$", index, flags=re.MULTILINE))


def test_every_page_of_the_guide_has_a_line_in_its_index() -> None:
    index = (DOCS / "guide" / "index.rst").read_text(encoding="utf-8")
    pages = {path.stem for path in (DOCS / "guide").glob("*.rst")} - {"index"}
    lines = re.findall(r"^   \* - :doc:`(\w+)`\n     - \w.+\.$", index, flags=re.MULTILINE)
    assert sorted(lines) == sorted(pages)
    assert pages == set(re.findall(r"^   (\w+)$", index, flags=re.MULTILINE))


@pytest.mark.parametrize(
    "path", sorted((DOCS / "examples").rglob("plot_*.py")), ids=lambda p: p.stem
)
def test_gallery_example_compiles_and_has_a_title(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    docstring = compile(source, str(path), "exec").co_consts[0]
    assert re.match(r"\s*(=+\n)?.+\n=+\n", docstring)


@pytest.mark.parametrize(
    "page", [DOCS / "start.rst", *sorted((DOCS / "guide").glob("*.rst"))], ids=lambda p: p.stem
)
def test_guide_prints_what_it_says(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "guide" / "one_channel")  # the package that a page makes
    get_reusable_executor().shutdown()  # worker processes of tests before this one lack the path
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS  # as those of the modules
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert failed == 0


def test_readme_prints_what_it_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code, output = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", readme, re.S).groups()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, {})
    assert printed.getvalue().split() == output.split()
