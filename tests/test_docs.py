import ast
import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from joblib.externals.loky import get_reusable_executor

from cocktailparty.catalogue import named_decoders

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
    "cocktailparty.live": "live",
    "cocktailparty.metrics": "metrics",
    "cocktailparty.model_selection": "model_selection",
    "cocktailparty.plots": "plots",
    "cocktailparty.recordings": "recordings",
    "cocktailparty.report": "report",
    "cocktailparty.search": "search",
    "cocktailparty.separation": "separation",
    "cocktailparty.statistics": "statistics",
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


def test_every_example_has_a_place_in_the_gallery() -> None:
    text = (DOCS / "conf.py").read_text(encoding="utf-8")
    order = ast.literal_eval(re.search(r"^EXAMPLES = ({.*?^})", text, re.M | re.S)[1])
    files = (path.relative_to(DOCS / "examples") for path in (DOCS / "examples").rglob("plot_*.py"))
    assert sorted((section, name) for section in order for name in order[section]) == sorted(
        (str(file.parent), file.stem) for file in files
    )


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


def test_landing_page_shows_figures_of_the_gallery() -> None:
    page = (DOCS / "index.rst").read_text(encoding="utf-8")
    figures = re.findall(r"figure:: auto_examples/(\w+)/images/sphx_glr_(\w+)_\d{3}\.png", page)
    assert len(figures) == 3
    for section, example in figures:
        assert (DOCS / "examples" / section / f"{example}.py").is_file()
        assert f":target: auto_examples/{section}/{example}.html" in page


def benchmark(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_of_all_decoders_says_what_was_measured() -> None:
    table = (DOCS / "guide" / "catalogue_table.txt").read_text(encoding="utf-8")
    assert table == benchmark("accuracy/catalogue").guide_table()
    rows = set(re.findall(r"^   \* - ``([\w-]+)``$", table, flags=re.MULTILINE))
    named = named_decoders().values()
    assert rows == {row.name for row in named if row.distribution == "cocktailparty"}


def test_tables_of_recordings_say_what_was_measured() -> None:
    results = ROOT / "benchmarks" / "results" / "decoders.json"
    table = (DOCS / "guide" / "decoders_table.txt").read_text(encoding="utf-8")
    kept = json.loads(results.read_text(encoding="utf-8"))
    assert table == benchmark("accuracy/decoders").rst(kept)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("guide/*.*")), ids=lambda p: p.name)
def test_a_dash_in_a_table_is_no_bullet(page: Path) -> None:
    if page.suffix in (".rst", ".txt"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"^ +(?:\* )?- -$", text, flags=re.MULTILINE)
