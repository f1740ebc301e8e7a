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

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model

_DURABILITIES = {
    str(durability): durability
    for durability in (model.Durability(copies) for copies in (1, 2, 3))
}


def durability(text: str, field: str) -> model.Durability:
    """Read 'distribute', 'replica 2' or 'replica 3'.

    :param field: what the text is called where the caller got it
    :raises InvalidInput: it is none of them
    """
    try:
        return _DURABILITIES[text]
    except KeyError:
        raise _unknown(text, field, tuple(_DURABILITIES)) from None


def zone_spread(text: str, field: str) -> model.ZoneSpread:
    """Read 'strict', 'prefer' or 'none'.

    :param field: what the text is called where the caller got it
    :raises InvalidInput: it is none of them
    """
    try:
        return model.ZoneSpread(text)
    except ValueError:
        known = tuple(str(spread) for spread in model.ZoneSpread)
        raise _unknown(text, field, known) from None


def _unknown(
    text: str, field: str, known: tuple[str, ...]
) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(
        field=field, value=text, reason='known are ' + ', '.join(known)
    )
