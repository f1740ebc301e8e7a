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


"""The ``finding-reference`` directive: what ``check`` can find."""

import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils import statemachine
from docutils.parsers import rst
from sphinx import application

from manila_gluster_heketi.operations.truth import codes

_COLUMNS = ('Code', 'Severity', 'Meaning', 'Mend')


def _lines(first: str) -> Iterator[str]:
    yield from ('.. list-table::', '   :header-rows: 1', '   :widths: auto')
    yield ''
    for cells in (_COLUMNS, *_rows(first)):
        for number, cell in enumerate(cells):
            yield f'   {"*" if number == 0 else " "} - {cell}'
    yield ''


def _rows(first: str) -> Iterator[tuple[str, ...]]:
    for code in codes.Code:
        meaning = code.value
        if meaning.code.startswith(first):
            mend = f'{meaning.mend[0].upper()}{meaning.mend[1:]}.'
            if meaning.mends:
                mend = f'**{mend}**'
            yield (
                f'``{meaning.code}``',
                str(meaning.severity),
                meaning.meaning.replace('*', '\\*'),
                mend,
            )


class FindingReference(rst.Directive):
    """A table of the codes that begin with the argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse what the codes say about themselves."""
        source = inspect.getsourcefile(codes) or ''
        self.state.document.settings.record_dependencies.add(source)
        lines = statemachine.StringList()
        for line in _lines(self.arguments[0]):
            lines.append(line, source)
        container = nodes.container()
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children


def setup(app: application.Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the directive."""
    app.add_directive('finding-reference', FindingReference)
    return {'parallel_read_safe': True, 'version': '1'}
