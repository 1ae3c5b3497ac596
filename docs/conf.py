"""Configuration of the documentation: ``make docs``."""

import importlib
import inspect
import os
import re
import subprocess
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

DOCS = Path(__file__).parent
GENERATED = DOCS / "generated"

project = "cocktailparty"
author = "The cocktailparty developers"
copyright = "2026, the cocktailparty developers"
version = release = installed_version("cocktailparty")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "generated/*.inc"]
templates_path = ["_templates"]
# Single backticks in docstrings name an argument or an object: a link where there is such a page.
default_role = "py:obj"

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings state types, with shapes and units
numpydoc_show_class_members = False  # the class template lists them once, on one page
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    name: f"{package}.{name}"
    for package in (
        "cocktailparty",
        "cocktailparty.datasets",
        "cocktailparty.leakage",
        "cocktailparty.metrics",
        "cocktailparty.model_selection",
        "cocktailparty.recordings",
        "linear_aad",
    )
    for name, value in vars(importlib.import_module(package)).items()
    if inspect.isclass(value) and not name.startswith("_")
}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("cocktailparty", "linear_aad"),
    "inspect_global_variables": True,
    "reference_url": {"cocktailparty": None, "linear_aad": None},
    "image_srcset": ["2x"],
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e6,  # a machine's speed is not news
}

html_theme = "pydata_sphinx_theme"
html_title = "cocktailparty"
html_static_path = ["_static"]
html_css_files = ["cocktailparty.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {page: [] for page in ("index", "install", "quickstart", "datasets", "changelog")}
html_theme_options = {
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 2,
}


def setup(app):
    app.connect("config-inited", lambda app, config: write_generated_text())
    app.connect("autodoc-skip-member", skip_member)


def skip_member(app, what, name, obj, skip, options):
    """Leave out what scikit-learn and NamedTuple add to a class and nobody calls."""
    metadata_request = re.fullmatch(r"set_\w+_request", name)
    alias = str(getattr(obj, "__doc__", "")).startswith("Alias for field number")
    return True if metadata_request or alias else skip


def write_generated_text():
    """Write the texts that the library itself knows, so that they cannot go out of date."""
    GENERATED.mkdir(exist_ok=True)
    texts = {"changelog": changelog(), "corpora": corpora()}
    for command in ("compare", "datasets", "doctor"):
        texts[f"help-{command}"] = help_text(command)
    for name, text in texts.items():
        (GENERATED / f"{name}.inc").write_text(text, encoding="utf-8")


def changelog():
    """Turn the headings, lists and code of CHANGELOG.md into reStructuredText."""
    lines = (DOCS.parent / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    text = "\n".join(lines[1:])  # the page has its own title
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    text = re.sub(r"^- ", "* ", text, flags=re.MULTILINE)
    return re.sub(
        r"^## (.+)$", lambda line: f"{line[1]}\n{'-' * len(line[1])}", text, flags=re.MULTILINE
    )


def corpora():
    """Describe every corpus from its own entry in the library."""
    from cocktailparty.datasets import CORPORA

    parts = []
    for corpus in CORPORA.values():
        parts += [corpus.title, "-" * len(corpus.title), "", f"{corpus.description}.", ""]
        facts = {
            "Name": f"``{corpus.key}``",
            "Files": corpus.layout,
            "Get it": corpus.obtain,
            "Cite": corpus.reference,
            "Default split": f"``{corpus.default_cv}``" if corpus.default_cv else "none, no EEG",
        }
        parts += [f":{name}: {fact}" for name, fact in facts.items()] + [""]
    return "\n".join(parts)


def help_text(command):
    run = [sys.executable, "-m", "cocktailparty", command, "--help"]
    width = {**os.environ, "COLUMNS": "88"}
    return subprocess.run(run, check=True, capture_output=True, text=True, env=width).stdout
