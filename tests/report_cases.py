"""Pages of reports as tests read them: tables, pictures, texts and links."""

from functools import cache
from html.parser import HTMLParser

from display_cases import TABLE, WINE, of_table
from sklearn.base import clone

from skae import AutoencoderOutlierDetector, DenoisingAutoencoder

SMALL = {"n_estimators": 2, "cv": 2, "random_state": 0}
# Elements without an end.
_VOID = {"meta", "img", "link", "br", "hr", "input", "source"}


class Page(HTMLParser):
    """A page, parsed.

    `tables` are lists of rows of texts by caption, the head first; `pictures` are alternative texts
    by caption; `texts` are paragraphs; `highlights` are values by name; `marked` are the texts of
    marked cells; `addresses` is all that could be loaded.
    """

    def __init__(self, html):
        super().__init__()
        self.tables, self.pictures, self.texts, self.highlights = {}, {}, [], {}
        self.marked, self.addresses, self.tags, self.headings = [], [], set(), []
        self._open, self._text, self._alt, self._name, self._rows = [], [], None, None, None
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.addresses += [v for k, v in attributes.items() if k in ("src", "href", "srcset")]
        if tag == "img":
            self._alt = attributes["alt"]
        if tag not in _VOID:
            self._open.append((tag, attributes.get("class", "")))
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        if tag in ("td", "th", "p", "h1", "h2", "dt", "dd", "caption", "figcaption", "style"):
            self._text = []

    def handle_data(self, data):
        self._text.append(data)

    def handle_endtag(self, tag):
        opened, classes = self._open.pop()
        assert opened == tag
        text = "".join(self._text).strip()
        if tag in ("td", "th"):
            self._rows[-1].append(text)
            self.marked += [text] * ("marked" in classes)
        elif tag == "p":
            self.texts.append(text)
        elif tag in ("h1", "h2"):
            self.headings.append(text)
        elif tag == "caption":
            self._name = text
        elif tag == "table":
            self.tables[self._name] = self._rows
        elif tag == "figcaption":
            self.pictures[text] = self._alt
        elif tag == "dt":
            self._name = text
        elif tag == "dd":
            self.highlights[self._name] = text

    def table(self, beginning):
        """Return the rows of the table whose caption begins so, without the head."""
        (rows,) = [rows for name, rows in self.tables.items() if name.startswith(beginning)]
        return rows[1:]

    def facts(self):
        return dict(self.tables["The fitted estimator"])

    def columns(self):
        """Return the table of errors: a dict for each column, by its name."""
        (table,) = [rows for rows in self.tables.values() if "Not explained" in rows[0]]
        head, *rows = table
        return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def as_share(text):
    return float(text.strip("<%")) / 100


def wrong_wine():
    """Return wine with a cell that contradicts the others."""
    X = WINE.copy()
    X.iloc[3, 0] = -9.0
    return X


@cache
def detector_of_wine():
    autoencoder = DenoisingAutoencoder(3, hidden_layer_sizes=(16,), max_iter=5)
    return AutoencoderOutlierDetector(autoencoder, **SMALL).fit(WINE[:150])


@cache
def detector_of_table():
    return AutoencoderOutlierDetector(clone(of_table()), **SMALL).fit(TABLE)
