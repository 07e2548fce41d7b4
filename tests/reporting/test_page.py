"""The page: one file that loads nothing, shows what it is given as text, and fits a screen."""

import html
import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import pytest
from display_cases import DIGITS, TABLE, WINE, linear, of_images, of_table
from mixed_cases import table
from report_cases import Page, detector_of_wine, wrong_wine

import skae
from skae.reporting import RowSampler

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "$a^$",
    "{{ 7 * 7 }}",
    "ü&amp;",
]


@pytest.fixture(scope="module")
def pages():
    """Reports of three kinds, with and without a reference."""
    return {
        "table": skae.report(of_table(), TABLE, reference=table(5, 100)),
        "images": skae.report(of_images(), DIGITS.reshape(-1, 8, 8)),
        "outliers": skae.report(detector_of_wine(), wrong_wine()),
    }


def test_nothing_is_loaded_from_elsewhere(pages):
    for report in pages.values():
        page = Page(report.html)
        assert all(one.startswith(("#", "data:image/png;base64,")) for one in page.addresses)
        assert len(page.addresses) > 3
        assert not page.tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
        without_pictures = re.sub(r"base64,[A-Za-z0-9+/=]+", "", report.html)
        assert "://" not in without_pictures
        assert not re.search(r"@import|url\(|\son\w+=", without_pictures)


def test_every_picture_has_text_and_every_link_a_place(pages):
    for report in pages.values():
        page = Page(report.html)
        assert all(len(alt) > 20 for alt in page.pictures.values())
        places = re.findall(r'<section id="([^"]+)"', report.html)
        assert [one[1:] for one in page.addresses if one.startswith("#")] == places


def test_what_data_hold_is_text_and_no_markup():
    rng = np.random.default_rng(0)
    X = table(0, 60).iloc[:, :5].set_axis(EVIL, axis=1)
    X[EVIL[2]] = rng.choice(["<b>bold</b>", "</td></table>"], 60)
    X = X.set_axis([f"<i>{i}</i>" for i in range(60)])
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0).fit(X)
    page = Page(skae.report(ae, X, reference=X).html)
    assert not page.tags & {"script", "b", "i"}
    assert set(page.columns()) == set(EVIL)
    assert ", ".join(EVIL) in page.facts()["Columns in fit"]
    cells = [cell for rows in page.tables.values() for row in rows for cell in row]
    assert {"<b>bold</b>", "</td></table>"} & set(cells)
    assert any(name.endswith("</i>)") or "</i>), score" in name for name in page.tables)
    assert all(one.startswith(("#", "data:")) for one in page.addresses)


def test_half_of_a_character_can_be_saved(folder):
    skae.reporting.Report("<p>a\udc80</p>").save("report.html")
    assert (folder / "report.html").read_bytes() == b"<p>a?</p>"


def test_the_same_seed_makes_the_same_page_whatever_the_style():
    figures = plt.get_fignums()
    before = skae.report(linear(), WINE, max_samples=50).html
    with plt.style.context("dark_background"):
        assert skae.report(linear(), WINE, max_samples=50).html == before
    assert skae.report(linear(), WINE, max_samples=50, random_state=1).html != before
    assert plt.get_fignums() == figures


def test_a_notebook_shows_the_page_in_a_frame(pages):
    report = pages["table"]
    (inside,) = re.findall(r'srcdoc="([^"]*)"', report._repr_html_())
    assert html.unescape(inside) == report.html
    assert "save(path)" in repr(report)


def test_a_file_is_written_or_the_folder_named(pages, folder):
    pages["table"].save(folder / "report.html")
    assert (folder / "report.html").read_text(encoding="utf-8") == pages["table"].html
    with pytest.raises(FileNotFoundError, match="no such folder"):
        pages["table"].save(folder / "absent" / "report.html")


def test_a_sample_of_many_rows_is_drawn_and_said():
    X = np.tile(DIGITS, (40, 1))
    ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(
        X[:300]
    )
    page = Page(skae.report(ae, X, reference=DIGITS, max_samples=200).html)
    assert page.texts[0] == "About a random sample of 200 of 12,000 rows."
    assert page.highlights["rows in this report"] == "200 of 12,000"
    assert any("a random sample of 200 of 300 rows" in text for text in page.texts)


def test_wide_tables_are_sampled_without_being_asked():
    _, chosen = RowSampler(10_000, 40_000, 0).add(200)
    assert len(chosen) == 2**22 // 40_000
    X = np.random.default_rng(0).normal(size=(50, 60))
    ae = skae.AutoencoderTransformer(1, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(X)
    assert len(Page(skae.report(ae, X).html).table("The 40 hardest of 60 columns")) == 40


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize("width", [400, 1200])
def test_no_screen_scrolls_sideways(pages, folder, width):
    # Windows of a browser have a least width; frames have none.
    page = html.escape(pages["outliers"].html)
    frame = f'<iframe style="width: {width}px; border: 0" srcdoc="{page}"></iframe>'
    measure = "const d = frames[0].document.scrollingElement; "
    measure += "document.title = d.clientWidth + ' ' + d.scrollWidth"
    (folder / "page.html").write_text(f"{frame}<script>onload = () => {{ {measure} }}</script>")
    options = [
        "--headless",
        "--hide-scrollbars",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]
    options += [f"--user-data-dir={folder / 'browser'}"]
    address = (folder / "page.html").as_uri()
    command = [CHROMIUM, *options, "--dump-dom", address]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    inner, scrolled = map(int, re.findall(r"<title>(\d+) (\d+)</title>", shown)[0])
    assert scrolled <= inner == width
