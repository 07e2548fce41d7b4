"""Sections of a report, with their paragraphs, tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Cell:
    """A cell of a table: text, and a bar behind it of a length from 0 to 1.

    `is_marked` are cells that a reader should look at first.
    """

    text: str
    bar: float | None = None
    is_marked: bool = False
    is_code: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph; a note says what the numbers do not hold."""

    text: str
    is_note: bool = False
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Table:
    """A table with a caption: cells are `Cell` or str; columns in `numbers` stand flush right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int] = ()
    kind: ClassVar[str] = "table"

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of the page, and not half of it."""
        return len(self.head) > 5


@dataclass(frozen=True)
class Picture:
    """A PNG in base64, with the text for those who do not see it."""

    data: str
    alt: str
    caption: str
    width: int
    kind: ClassVar[str] = "picture"

    @property
    def is_wide(self) -> bool:
        """Whether it needs the width of the page, and not half of it."""
        return self.width > 720


@dataclass(frozen=True)
class Highlight:
    """A number for the top of the page, and what it is."""

    value: str
    name: str
    is_marked: bool = False


@dataclass
class Section:
    """A part of the report with a heading."""

    title: str
    parts: list[Text | Table | Picture] = field(default_factory=list)
    highlights: list[Highlight] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The name of the section in links."""
        return self.title.lower().replace(" ", "-")

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self.parts.append(Text(text))

    def note(self, text: str) -> None:
        """Add a note."""
        self.parts.append(Text(text, is_note=True))
