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

"""The ``error-reference`` directive: all errors, from their classes."""

import http
import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils import statemachine
from docutils.parsers import rst
from sphinx import application
from sphinx.util import nodes as sphinx_nodes

from manila_gluster_heketi import exceptions

Error = type[exceptions.GlusterHeketiError]


def _errors() -> list[Error]:
    return sorted(
        (
            kind
            for _, kind in inspect.getmembers(exceptions, inspect.isclass)
            if issubclass(kind, exceptions.GlusterHeketiError)
        ),
        key=lambda kind: kind.code,
    )


def _lines(kind: Error) -> Iterator[str]:
    title = f'{kind.code} {kind.__name__}'
    docstring = inspect.getdoc(kind) or ''
    # The fields of the base class are of no use to who reads an error.
    meaning = docstring.split('\n\n:')[0]
    status = http.HTTPStatus(kind.http_status)
    yield from (f'.. _{kind.code}:', '', title, '-' * len(title), '')
    yield from (*meaning.splitlines(), '')
    for name, text in (
        ('Says', f'``{" ".join(kind.template.split())}``'),
        ('What to do', ' '.join(kind.action.split())),
        ('Over HTTP', f'{status.value} {status.phrase}'),
        ('In Manila', f'``manila.exception.{kind.manila}``'),
    ):
        yield from (f':{name}: {text}',)
    yield ''


class ErrorReference(rst.Directive):
    """A section for each error, in the order of the codes."""

    def run(self) -> list[nodes.Node]:
        """Parse what the classes say about themselves."""
        lines = statemachine.StringList()
        for kind in _errors():
            source = inspect.getsourcefile(kind) or ''
            self.state.document.settings.record_dependencies.add(source)
            for line in _lines(kind):
                lines.append(line, source)
        section = nodes.section()
        section.document = self.state.document
        sphinx_nodes.nested_parse_with_titles(self.state, lines, section)
        return section.children


def setup(app: application.Sphinx) -> dict[str, Any]:
    """Tell Sphinx of the directive."""
    app.add_directive('error-reference', ErrorReference)
    return {'parallel_read_safe': True, 'version': '1'}
