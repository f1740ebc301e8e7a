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

"""Reads the fields of a scenario; each complaint names field and value."""

from collections.abc import Collection
from typing import Any

from manila_gluster_heketi import exceptions


def invalid(field: str, value: object, reason: str) -> exceptions.InvalidInput:
    """Make the error for a field."""
    return exceptions.InvalidInput(field=field, value=value, reason=reason)


class Fields:
    """One JSON object, of which all fields have to be known.

    :param where: what the object is called in messages
    :raises InvalidInput: it is no object, or has other fields
    """

    def __init__(self, raw: Any, where: str, known: Collection[str]) -> None:
        if not isinstance(raw, dict):
            raise invalid(where, raw, 'it is not an object')
        for name in raw:
            if name not in known:
                reason = f'known fields are {", ".join(sorted(known))}'
                raise invalid(f'{where}.{name}', raw[name], reason)
        self._raw = raw
        self._where = where

    def has(self, name: str) -> bool:
        """Tell whether a field is there."""
        return name in self._raw

    def at(self, name: str) -> str:
        """Say what a field is called in messages."""
        return f'{self._where}.{name}'

    def any(self, name: str) -> Any:
        """Read a field of any kind.

        :raises InvalidInput: it is missing
        """
        if name not in self._raw:
            raise invalid(self.at(name), None, 'it is missing')
        return self._raw[name]

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text.

        :raises InvalidInput: it is missing without a default, or no text
        """
        if name not in self._raw and default is not None:
            return default
        value = self.any(name)
        if not isinstance(value, str):
            raise invalid(self.at(name), value, 'it is not a text')
        return value

    def number(
        self,
        name: str,
        least: float,
        most: float,
        default: float | None = None,
    ) -> float:
        """Read a number from ``least`` to ``most``.

        :raises InvalidInput: it is missing without a default, or beyond
        """
        if name not in self._raw and default is not None:
            return default
        value = self.any(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(self.at(name), value, 'it is not a number')
        # Not a number (NaN) is beyond any bounds.
        if not least <= value <= most:
            reason = f'it is not between {least:g} and {most:g}'
            raise invalid(self.at(name), value, reason)
        return value

    def count(
        self, name: str, least: int, most: int, default: int | None = None
    ) -> int:
        """Read a whole number.

        :raises InvalidInput: it is missing without a default, or is none
        """
        value = self.number(name, least, most, default)
        if value != int(value):
            raise invalid(self.at(name), value, 'it is not a whole number')
        return int(value)

    def items(self, name: str) -> list[Any]:
        """Read a list that is not empty.

        :raises InvalidInput: it is missing, or is none
        """
        value = self.any(name)
        if not isinstance(value, list) or not value:
            reason = 'it is not a list with something in it'
            raise invalid(self.at(name), value, reason)
        return value
