# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Tables for people and for the documentation."""

import csv
import dataclasses
import io
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Rows of words, for people and for the documentation."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def show(self) -> None:
        """Print it."""
        print(self.name)
        widths = [max(map(len, each)) for each in zip(self.head, *self.rows)]
        for row in (self.head, *self.rows):
            print(
                '  '.join(
                    word.ljust(width)
                    for word, width in zip(row, widths, strict=True)
                ).rstrip()
            )
        print(flush=True)

    def column(self, name: str) -> list[str]:
        """Return the words of a column."""
        place = self.head.index(name)
        return [row[place] for row in self.rows]

    def where(self, name: str, word: str) -> 'Table':
        """Return the rows that have a word in a column."""
        place = self.head.index(name)
        rows = [row for row in self.rows if row[place] == word]
        return dataclasses.replace(self, rows=rows)

    def text(self) -> str:
        """Write it as CSV, with the head as the first row."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator='\n')
        writer.writerows([self.head, *self.rows])
        return stream.getvalue()
