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

"""Values of a JSON document, checked one by one; errors say where."""

import dataclasses
import difflib
import posixpath
import re
import reprlib
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import NoReturn

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import tags

_PATH = re.compile(r'/[a-zA-Z0-9_.:/-]+')
# A leading dash would be an option of ssh.
_HOST = re.compile(r'[a-zA-Z0-9]([a-zA-Z0-9_.:-]*[a-zA-Z0-9])?')
_HOST_LENGTH = 253
_CLUSTER = re.compile(r'[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}')
# As Heketi's limits on tags.
_TAG_NAME = re.compile(r'[a-zA-Z0-9_.-]{1,32}')
_TAG_LENGTH = 64
_TAGS = 32
_ARBITER_USES = tuple(use.value for use in tags.ArbiterUse)
# What an integer column of each database holds.
_ZONE_MAX = 2**31 - 1


class JsonObject(dict[str, Any]):
    """A JSON object that remembers a key it was given twice."""

    repeated: str | None = None

    @classmethod
    def of_pairs(cls, pairs: list[tuple[str, Any]]) -> 'JsonObject':
        """Build it as :func:`json.loads` wants it."""
        made = cls()
        for key, value in pairs:
            if key in made:
                made.repeated = key
            made[key] = value
        return made


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """A value with its place in the document."""

    source: str
    path: str
    value: Any

    def fail(self, reason: str) -> NoReturn:
        """Refuse the value.

        :raises InvalidTopology: always
        """
        value = self.value
        if isinstance(value, list | dict):
            value = reprlib.repr(value)
        raise exceptions.InvalidTopology(
            source=self.source,
            field=self.path or 'the document',
            value=value,
            reason=reason,
        )

    def key(self, name: str) -> 'Field':
        """Return a value of this object; None if it is not there."""
        path = f'{self.path}.{name}' if self.path else name
        return Field(self.source, path, self.value.get(name))

    def items(self) -> Iterator['Field']:
        """Yield the values of this list."""
        if not isinstance(self.value, list):
            self.fail('this must be a list')
        for index, value in enumerate(self.value):
            yield Field(self.source, f'{self.path}[{index}]', value)

    def object(self, known: Collection[str], required: str = '') -> 'Field':
        """Check that it is an object with no other keys than these.

        :param required: a key that must be there
        """
        if not isinstance(self.value, Mapping):
            self.fail('this must be an object')
        repeated = getattr(self.value, 'repeated', None)
        if repeated is not None:
            self.key(repeated).fail('this key is there twice')
        for name in self.value:
            if name in known:
                continue
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f'did you mean {near[0]!r}?' if near else 'known: '
            if not near:
                hint += ', '.join(sorted(known))
            self.key(name).fail(f'unknown key; {hint}')
        if required and required not in self.value:
            self.key(required).fail('this is missing')
        return self

    def boolean(self) -> bool:
        """Return true or false; false if it is not there."""
        if self.value is None:
            return False
        if not isinstance(self.value, bool):
            self.fail('this must be true or false')
        return self.value

    def zone(self) -> int:
        """Return a zone: a whole number from 1."""
        value = self.value
        if value is None:
            self.fail('each node needs a zone')
        # True is an int for Python, not for who reads the document.
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail('a zone is a whole number, without quotes')
        if not 1 <= value <= _ZONE_MAX:
            self.fail(f'a zone is a number from 1 to {_ZONE_MAX}')
        return value

    def host(self) -> str:
        """Return the first of a list of hostnames; all are checked."""
        hosts = [_host(item) for item in self.items()]
        if not hosts:
            self.fail('name at least one host')
        return hosts[0]

    def cluster_name(self) -> str:
        """Return the name of a cluster, '' if it is not there."""
        if self.value is None:
            return ''
        if not isinstance(self.value, str) or not _CLUSTER.fullmatch(
            self.value
        ):
            self.fail(
                'a name has 1 to 63 letters, digits, dots, dashes or '
                'underscores, a letter or digit first'
            )
        return self.value

    def device_path(self) -> str:
        """Return the absolute path of a device."""
        path = self.value
        if not isinstance(path, str):
            self.fail('a device is a path, or an object with its "name"')
        if not path.startswith('/'):
            self.fail('the path of a device starts with /')
        if not _PATH.fullmatch(path):
            self.fail(
                'the path of a device has letters, digits and _ . : / - only'
            )
        # One device must have one name, or it could be taken twice.
        if posixpath.normpath(path) != path or path.startswith('//'):
            self.fail('write the path without .., //, /./ and a last /')
        return path

    def tags(self) -> Mapping[str, str] | None:
        """Return tags, None if they are not there."""
        if self.value is None:
            return None
        if not isinstance(self.value, Mapping):
            self.fail('tags are an object of names and values')
        if len(self.value) > _TAGS:
            self.fail(f'there may be {_TAGS} tags, not {len(self.value)}')
        self.object(self.value)
        for name, value in self.value.items():
            tag = self.key(name)
            if not _TAG_NAME.fullmatch(name):
                tag.fail(
                    'the name of a tag has 1 to 32 letters, digits, dots, '
                    'dashes or underscores'
                )
            if not isinstance(value, str):
                tag.fail('the value of a tag is text, in quotes')
            if name == tags.ARBITER and value not in _ARBITER_USES:
                tag.fail(f'this tag is one of {", ".join(_ARBITER_USES)}')
            if len(value) > _TAG_LENGTH or not value.isprintable():
                tag.fail(f'a tag has up to {_TAG_LENGTH} printable characters')
        return dict(self.value)


def _host(field: Field) -> str:
    host = field.value
    if not isinstance(host, str) or not host:
        field.fail('a host is a name or an address')
    if len(host) > _HOST_LENGTH or not _HOST.fullmatch(host):
        field.fail(
            'a host has letters, digits, dots, dashes, underscores and '
            f'colons only, up to {_HOST_LENGTH}'
        )
    return host
