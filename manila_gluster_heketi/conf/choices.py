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

"""Words of options and extra specs that mean a value of the model."""

from collections.abc import Callable
from typing import TypeVar

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi import tags

_Value = TypeVar('_Value')


def durability(text: str, field: str) -> durabilities.Durability:
    """Read 'replicate:3', 'disperse:4+2' and the like.

    :param field: what the text is called where the caller got it
    :raises InvalidInput: it is none of them
    """
    return _read(durabilities.parse, text, field)


def spread(text: str, field: str) -> spreads.Spread:
    """Read 'zone:strict,rack:prefer' and the like.

    :param field: what the text is called where the caller got it
    :raises InvalidInput: it is nothing like that
    """
    return _read(spreads.parse, text, field)


def device_tags(text: str, field: str) -> str:
    """Read an expression over tags; return it as it is kept.

    :param field: what the text is called where the caller got it
    :raises InvalidInput: it can't be read
    """
    return str(_read(tags.parse, text, field))


def _read(parse: Callable[[str], _Value], text: str, field: str) -> _Value:
    try:
        return parse(text)
    except ValueError as error:
        raise exceptions.InvalidInput(
            field=field, value=text, reason=str(error)
        ) from error
