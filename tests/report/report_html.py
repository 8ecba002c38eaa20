"""Reading a page back: strict about nesting, so that an escape that fails is seen."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link", "path", "use", "rect"}


class Page(HTMLParser):
    """tags: every (tag, attributes). text: what a reader sees. tables: caption -> rows of texts, spanning cells repeated."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.open, self.tables, self.problems = [], [], {}, []
        self._text, self._rows, self._cell, self._spans = [], None, None, {}
        self.feed(source)
        self.close()
        self.problems += [f"{tag} is not closed" for tag in self.open]
        self.text = " ".join("".join(self._text).split())

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag in VOID:
            return
        self.open.append(tag)
        if tag == "table":
            self._rows, self._spans = [], {}
        elif tag == "tr":
            self._rows.append([])
            self._fill()
        elif tag in ("td", "th"):
            self._cell, self._span = [], int(attributes.get("rowspan", 1))
        elif tag == "caption":
            self._cell = []
        elif tag == "small" and self._cell is not None:
            self._cell.append(" | ")
        elif tag == "sup" and self._cell is not None:
            self._cell.append(" #")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
            return
        self.open.pop()
        if tag in ("td", "th"):
            text = "".join(self._cell).replace("note ", "").strip()
            row = self._rows[-1]
            if self._span > 1:
                self._spans[len(row)] = (self._span - 1, text)
            row.append(text)
            self._cell = None
        elif tag == "caption":
            self.tables["".join(self._cell)] = self._rows
            self._cell = None

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            return
        self._text.append(data)
        if self._cell is not None:
            self._cell.append(data)

    def _fill(self):
        row = self._rows[-1]
        if len(row) in self._spans:
            left, text = self._spans.pop(len(row))
            row.append(text)
            if left > 1:
                self._spans[len(row) - 1] = (left - 1, text)

    def rows(self, caption):
        """The rows of a table below its head, by the texts of their first two cells."""
        return {tuple(row[:2]): row for row in self.tables[caption][1:]}
