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

"""From what is wished of a volume, and the options, to its specification."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import TypeVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.conf import choices
from manila_gluster_heketi.conf.settings import Settings

#: What may be wished; the options of the same names are the defaults.
KNOWN = frozenset(
    {
        'average_file_size',
        'device_tags',
        'durability',
        'headroom_percent',
        'spread',
    }
)

_Value = TypeVar('_Value')


def volume_spec(
    settings: Settings,
    *,
    share_id: str,
    size_bytes: int,
    wishes: Mapping[str, str],
    called: Callable[[str], str],
    name: str = '',
    cluster_id: str = '',
) -> model.VolumeSpec:
    """Say what volume is asked for.

    :param wishes: texts, by the names that are :data:`KNOWN`
    :param called: gives the name by which people know a wish, for errors
    :param name: of the volume; made of the share's id if it is empty
    :raises InvalidInput: a wish can't be read
    """
    texts = _Texts(wishes, called)
    percent = texts.read(
        'headroom_percent', _percent, settings.headroom_percent
    )
    return model.VolumeSpec(
        share_id=share_id,
        name=name or f'{settings.volume_name_prefix}{share_id}',
        size_bytes=size_bytes,
        durability=texts.read(
            'durability', choices.durability, settings.durability
        ),
        spread=texts.read('spread', choices.spread, settings.spread),
        headroom_bytes=size_bytes * percent // 100,
        cluster_id=cluster_id,
        tags=texts.read(
            'device_tags', choices.device_tags, settings.device_tags
        ),
        average_file_bytes=texts.read(
            'average_file_size', _file_size, settings.average_file_bytes
        ),
    )


class _Texts:
    """What was wished, as text."""

    def __init__(
        self, wishes: Mapping[str, str], called: Callable[[str], str]
    ) -> None:
        self._wishes = wishes
        self._called = called

    def read(
        self, name: str, read: Callable[[str, str], _Value], default: _Value
    ) -> _Value:
        """Read a wish; the default if there is none.

        :param read: takes the text and what errors call it
        :raises InvalidInput: it can't be read
        """
        text = self._wishes.get(name)
        return default if text is None else read(text, self._called(name))


def _percent(text: str, field: str) -> int:
    return _number(text, field, 0, 1000)


def _file_size(text: str, field: str) -> int:
    least = sizes.AVERAGE_FILE_MIN_BYTES // sizes.KIB
    most = sizes.AVERAGE_FILE_MAX_BYTES // sizes.KIB
    return _number(text, field, least, most) * sizes.KIB


def _number(text: str, field: str, least: int, most: int) -> int:
    # Python reads other scripts' digits as well, and endless numbers not.
    digits = text.isascii() and text.isdecimal() and len(text) < 20
    if not (digits and least <= int(text) <= most):
        raise exceptions.InvalidInput(
            field=field,
            value=text,
            reason=f'it is not a whole number from {least} to {most}',
        )
    return int(text)
