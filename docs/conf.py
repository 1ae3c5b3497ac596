"""Configuration of the documentation: ``make docs``."""

import importlib
import inspect
import os
import re
import subprocess
import sys
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

# Examples, and the commands whose output is shown, run beside whatever else uses the cores. Before
# anything imports NumPy, whose BLAS looks once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from numpydoc.xref import DEFAULT_LINKS
from sphinx_gallery.sorting import ExplicitOrder

DOCS = Path(__file__).parent
GENERATED = DOCS / "generated"
PACKAGES = ("cocktailparty", "linear_aad", "cnmf", "deep")


def is_public(name, value, module):
    """Tell what a module announces, or defines without an underscore, from what it imports."""
    own = value.__module__ == module and not name.startswith("_")
    return name in getattr(importlib.import_module(module), "__all__", [name] * own)


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
# Formulas that are readable without a network; an environment that was made before this package
# belonged to the group docs takes MathJax from the network.
if find_spec("sphinx-mathjax-offline"):
    extensions.append("sphinx-mathjax-offline")
exclude_patterns = ["_build", "examples", "generated/*.inc"]
templates_path = ["_templates"]
# Single backticks in docstrings name an argument or an object: a link where there is such a page.
default_role = "py:obj"

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the docstrings state types, with shapes and units
numpydoc_show_class_members = False  # the class template lists them once, on one page
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
# numpydoc's own links would lead to the pages of other projects: these terms stay plain.
numpydoc_xref_aliases = {term: term for term in DEFAULT_LINKS} | {
    name: f"{module}.{name}"
    for module in (
        "cocktailparty",
        "cocktailparty.datasets",
        "cocktailparty.model_selection.leakage",
        "cocktailparty.metrics",
        "cocktailparty.model_selection",
        "cocktailparty.recordings",
        "cocktailparty.model_selection.same_sound",
        "cocktailparty.search",
        "linear_aad",
        "cnmf",
        "deep",
    )
    for name, value in vars(importlib.import_module(module)).items()
    if inspect.isclass(value) and is_public(name, value, module)
}

# The gallery in the order in which it is read. An example that is missing here stops the build.
EXAMPLES = {
    "first_steps": ["plot_simulated", "plot_mne_raw"],
    "decoders": [
        "plot_which_decoder",
        "plot_regularisation",
        "plot_switch_tracking",
        "plot_live",
    ],
    "statistics": [
        "plot_known_trf",
        "plot_group_statistics",
        "plot_unique_contribution",
        "plot_search",
    ],
    "separation": [
        "plot_stems_by_eeg",
        "plot_neuro_steered",
        "plot_contrastive_nmf",
        "plot_measured_separation",
    ],
    "neural": ["plot_siglip", "plot_sounds", "plot_talkers"],
}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": ExplicitOrder([f"examples/{section}" for section in EXAMPLES]),
    "within_subsection_order": ExplicitOrder(
        [f"{name}.py" for names in EXAMPLES.values() for name in names]
    ),
    "backreferences_dir": "generated/backreferences",
    "doc_module": PACKAGES,
    "inspect_global_variables": True,
    "reference_url": dict.fromkeys(PACKAGES),
    "image_srcset": ["2x"],
    "ignore_repr_types": r"matplotlib\.",  # a figure is shown, not named
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e6,  # a machine's speed is not news
}

html_theme = "pydata_sphinx_theme"
html_title = "cocktailparty"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["cocktailparty.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    page: [] for page in ("index", "start", "install", "quickstart", "datasets", "changelog")
}
html_theme_options = {
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 8,
}


def setup(app):
    app.connect("config-inited", lambda app, config: write_generated_text())
    app.connect("autodoc-skip-member", skip_member)


def skip_member(app, what, name, obj, skip, options):
    """Leave out what a class has from other libraries: their documentation describes it."""
    own = str(getattr(obj, "__module__", None) or "cocktailparty").startswith(PACKAGES)
    field_number = str(obj.__doc__).startswith("Alias for field number")
    return skip or not own or field_number


def write_generated_text():
    """Write the texts that the library itself knows, so that they cannot go out of date."""
    GENERATED.mkdir(exist_ok=True)
    for page in GENERATED.glob("*.rst"):
        page.unlink()  # autosummary writes its pages anew, but keeps those of names that are gone
    texts = {"changelog": changelog(), "corpora": corpora()}
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("guide/*.rst"))
    for command in sorted(set(re.findall(r"generated/help-([\w-]+)\.inc", pages))):
        texts[f"help-{command}"] = help_text(command)
    for name, text in texts.items():
        (GENERATED / f"{name}.inc").write_text(text, encoding="utf-8")


def changelog():
    """Turn the fragments and CHANGELOG.md into reStructuredText."""
    text = (DOCS.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    text = text.split("<!-- releases -->\n", 1)[1]  # the page has its own title
    fragments = sorted((DOCS.parent / "changelog.d").glob("+*.md"))
    if fragments:
        news = [
            path.read_text(encoding="utf-8").strip().replace("\n", "\n  ") for path in fragments
        ]
        text = "\n".join(["## Since then", "", *(f"- {one}" for one in news), "", text])
    text = re.sub(r"^### (.+)$", r"**\1**", text, flags=re.MULTILINE)
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
            "Files": corpus.layout.replace("*", r"\*"),
            "Get it": corpus.obtain,
            "Cite": re.sub(r"doi:(10\.\S+)", r"https://doi.org/\1", corpus.reference),
            "Read with": f":func:`cocktailparty.datasets.{corpus.reader}`",
            "Default split": f"``{corpus.default_cv}``" if corpus.default_cv else "",
        }
        parts += [f":{name}: {fact}" for name, fact in facts.items() if fact] + [""]
    return "\n".join(parts)


def help_text(command):
    run = [sys.executable, "-m", "cocktailparty", command, "--help"]
    width = {**os.environ, "COLUMNS": "88"}
    return subprocess.run(run, check=True, capture_output=True, text=True, env=width).stdout
