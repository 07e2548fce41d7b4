"""Runs the code of a page: its blocks of Python, and the commands of `skae` between them."""

import ast
import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from process_cases import Process

from skae.cli import main

_FENCE = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?")
_ADDRESS = "localhost:8000"


@dataclass
class Page:
    """A page whose blocks are run in order, in one namespace.

    A comment behind ``print(...)`` is what it prints: its words, and its numbers within a tenth.
    """

    path: Path
    # Commands of `skae` that are run. The README's fit tables that a reader brings.
    commands: tuple[str, ...]
    servers: ExitStack
    port: int | None = None
    names: dict = field(default_factory=lambda: {"__name__": "page"})
    printed: list[str] = field(default_factory=list)

    def run(self):
        """Run all blocks and return how many statements and commands there were."""
        self.names["print"] = lambda *values: self.printed.append(" ".join(map(str, values)))
        text = self.path.read_text()
        n_run = 0
        for block in _FENCE.finditer(text):
            line = text[: block.start(2)].count("\n")
            run = self._run_python if block[1] == "python" else self._run_commands
            n_run += run(block[2], line)
        return n_run

    def _run_python(self, code, line):
        if _ADDRESS in code:
            assert self.port, "nothing serves there"
            code = code.replace(_ADDRESS, f"localhost:{self.port}")
        statements = ast.parse("\n" * line + code).body
        lines = ("\n" * line + code).split("\n")
        for statement in statements:
            self.printed.clear()
            module = ast.Module([statement], type_ignores=[])
            exec(compile(module, self.path, "exec"), self.names)
            last = lines[statement.end_lineno - 1]
            if lines[statement.lineno - 1].startswith("print(") and "  # " in last:
                where = f"{self.path.name}, line {statement.end_lineno}"
                assert says_the_same(last.split("  # ")[-1], "\n".join(self.printed)), (
                    f"{where} prints {self.printed}, and the page says {last.split('  # ')[-1]!r}"
                )
        return len(statements)

    def _run_commands(self, code, line):
        n_run = 0
        for command in code.replace("\\\n", " ").splitlines():
            words = shlex.split(command, comments=True)
            if words[:1] != ["skae"] or words[1] not in self.commands:
                continue
            n_run += 1
            if words[1] == "serve":
                self._serve(words[1:])
            else:
                main(words[1:])
        return n_run

    def _serve(self, words):
        free = ["0" if word == "8000" else word for word in words]
        server = self.servers.enter_context(Process(main, free))
        found = (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
        self.port = int(next(filter(None, found))[1])


def says_the_same(promised, printed):
    """Return whether a text has the words of another, and its numbers within a tenth."""
    words = [" ".join(_NUMBER.sub("#", text).split()) for text in (promised, printed)]
    numbers = [
        [float(n.replace(",", "")) for n in _NUMBER.findall(text)] for text in (promised, printed)
    ]
    return words[0] == words[1] and numbers[1] == pytest.approx(numbers[0], rel=0.1, abs=0.02)
