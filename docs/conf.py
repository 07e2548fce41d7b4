"""The documentation: ``python -m sphinx -W --keep-going docs docs/_build/html``.

Nothing is fetched from the network. The inventories of other projects are made from the installed
packages, so that a renamed class of theirs is an error here.
"""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

from attribute_types import escape_types  # noqa: E402
from example_pictures import PICTURES, show_kept_picture  # noqa: E402
from inventories import intersphinx_mapping  # noqa: E402, F401  # read by Sphinx

import skae  # noqa: E402

project = "skae"
copyright = "the skae developers"
version = release = skae.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/*.ipynb", "gallery/*.py", "gallery/*.md5"]
templates_path = ["_templates"]
nitpicky = True
# skl2onnx has no page for each function, and scikit-learn's pages of modules have no names.
nitpick_ignore = [("py:obj", "skl2onnx.to_onnx"), ("py:mod", "sklearn.semi_supervised")]
maximum_signature_line_length = 80

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
# Methods of classes have no pages of their own: they stand on the page of the class.
numpydoc_show_class_members = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = f"skae {release}"
html_static_path = ["_static"]
html_css_files = ["skae.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"changelog": [], "benchmarks": []}

# These are shown with the picture that is kept beside them: `fine_tuning` and `quickstart` take
# longer than the others, `production` starts a server, `two_processes` is started by torchrun.
NOT_RUN = {"fine_tuning", "production", "quickstart", "two_processes"}
EXAMPLES = (DOCS.parent / "examples").glob("*.py")
RUN = sorted(path.stem for path in EXAMPLES if path.stem not in NOT_RUN)
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/(" + "|".join(RUN) + r")\.py$",
    "image_scrapers": ("example_pictures.saved_pictures",),
    "reset_modules": ("matplotlib",),
    # `-t quick` runs none of them.
    "plot_gallery": not tags.has("quick"),  # noqa: F821  # Sphinx defines `tags`
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
    # The index holds all of them: twice as large as they are drawn would be half a megabyte more.
    "thumbnail_size": (240, 168),
    "default_thumb_file": str(DOCS / "_static" / "program.png"),
    "within_subsection_order": "FileNameSortKey",
    "show_signature": False,
}


def setup(app):
    """Add what the extensions leave out."""
    # Before numpydoc reads the docstring.
    app.connect("autodoc-process-docstring", escape_types, priority=100)
    app.connect("source-read", show_kept_picture(RUN, PICTURES))
