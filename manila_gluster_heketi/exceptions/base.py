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

"""What all errors have."""

import functools
import string
from typing import Any
from typing import ClassVar


class GlusterHeketiError(Exception):
    """Base of all errors of this project.

    :cvar code: stable code, ``MGH-`` and three digits
    :cvar template: what happened; names the fields it needs
    :cvar action: what the reader should do next
    :cvar http_status: status for the REST interface
    :cvar manila: name of the exception of ``manila.exception`` that the
        driver raises in its place
    """

    code: ClassVar[str] = 'MGH-000'
    template: ClassVar[str] = 'internal error: {reason}'
    action: ClassVar[str] = 'Report this with the log around it.'
    http_status: ClassVar[int] = 500
    manila: ClassVar[str] = 'ShareBackendException'

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        # One that is missing shows now; the text is made when it is read,
        # since a field may take its time to say what would help.
        for _, name, _, _ in string.Formatter().parse(self.template):
            if name is not None and name not in fields:
                raise KeyError(name)
        super().__init__()

    @functools.cached_property
    def what(self) -> str:
        """What happened."""
        return self.template.format(**self.fields)

    def __str__(self) -> str:
        return f'[{self.code}] {self.what} {self.action}'

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.fields))


def _rebuild(
    kind: type[GlusterHeketiError], fields: dict[str, Any]
) -> GlusterHeketiError:
    return kind(**fields)
