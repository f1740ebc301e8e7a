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

import re
from collections.abc import Callable
from typing import TypeVar
from urllib import parse

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi import tags

_Value = TypeVar('_Value')

# A name, or an address of either kind.
_HOST = re.compile(r'[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+')
_PATH = re.compile(r'[A-Za-z0-9/._~-]*')


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


def enrolment_url(text: str, field: str) -> str:
    """Read the URL of an endpoint for enrolment, '' for none.

    :param field: what the text is called where the caller got it
    :returns: the URL without a slash at its end
    :raises InvalidInput: it is no https://HOST[:PORT][/PATH]
    """
    return _read(_endpoint, text, field)


def _endpoint(text: str) -> str:
    if not text:
        return text
    # Parts that can't be right raise ValueError themselves.
    parts = parse.urlsplit(text)
    host, port = parts.hostname or '', parts.port
    if parts.scheme != 'https':
        raise ValueError('it does not begin with https://')
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError('it has no host, or a port that is none')
    if '@' in parts.netloc or parts.query or parts.fragment:
        raise ValueError('it has more than a host, a port and a path')
    if not _PATH.fullmatch(parts.path):
        raise ValueError('its path has strange characters')
    return text.rstrip('/')


def _read(read: Callable[[str], _Value], text: str, field: str) -> _Value:
    try:
        return read(text)
    except ValueError as error:
        raise exceptions.InvalidInput(
            field=field, value=text, reason=str(error)
        ) from error
