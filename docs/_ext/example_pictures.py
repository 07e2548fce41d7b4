"""The pictures that examples save, and those kept beside the examples that are not run."""

import shutil
from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

PICTURES = Path(__file__).parents[2] / "examples" / "pictures"


def saved_pictures(block, block_vars, gallery_conf):
    """Move the pictures that an example has saved into the gallery (a scraper of sphinx-gallery).

    They are what a user gets, and none is left among the sources.
    """
    paths = block_vars["image_path_iterator"]
    moved = []
    for picture in sorted(Path(block_vars["src_file"]).parent.glob("*.png")):
        moved.append(next(paths))
        shutil.move(picture, moved[-1])
    return figure_rst(moved, gallery_conf["src_dir"])


def show_kept_picture(run, pictures):
    """Return a listener to "source-read" that adds the kept picture of an example to its page."""

    def listener(app, docname, source):
        folder, _, name = docname.rpartition("/")
        picture = pictures / f"{name}.png"
        if folder == "gallery" and name not in run and picture.exists():
            place = "/" + str(Path("..") / picture.relative_to(pictures.parents[1]))
            code = "\n.. GENERATED FROM PYTHON SOURCE LINES"
            head, found, rest = source[0].partition(code)
            image = f"\n.. image:: {place}\n   :alt: The picture that {name}.py saves\n\n"
            source[0] = head + image + found + rest

    return listener
