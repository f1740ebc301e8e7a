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


"""Marks: what objects on hosts and in Gluster say of themselves.

A volume group and a logical volume bear tags, a Gluster volume bears options
of its own (``user.*``), and with the record of each node (``node_record``)
that is all the store holds, so that it can be restored from them. They are
set by the very command that makes the object: no round trip is spent on them.

What Gluster knows anyway is not said twice: the quota is its quota, who may
mount is its ``auth.ssl-allow``, bricks and their order are its own. So is what
follows from the rest: the capacity, the headroom, which brick is an arbiter.

LVM takes letters, digits and ``_+.-/=!:#&`` in a tag, up to 1,024 bytes of
them. glusterfs 10.3 takes anything but nothing in an option, and has no more
than a line of 4,096 bytes for it.
"""

import dataclasses
import urllib.parse
from collections.abc import Collection
from collections.abc import Mapping

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi import spread

_OURS = (
    names.TAG_DEVICE,
    names.TAG_BRICK,
    names.TAG_VOLUME,
    names.TAG_SET,
    names.TAG_POSITION,
)
# Readable on a terminal. Some releases of Gluster take blanks out of values.
_PLAIN = "/=!(),.:+@-_'\""


@dataclasses.dataclass(frozen=True, slots=True)
class BrickMark:
    """What the tags of a logical volume say."""

    brick_id: str
    volume_id: str
    set_index: int
    position: int


@dataclasses.dataclass(frozen=True, slots=True)
class VolumeMark:
    """What the options of a Gluster volume say."""

    volume_id: str
    share_id: str
    durability: durability.Durability
    spread: spread.Spread
    tags: str
    average_file_bytes: int


def device_tags(device_id: str) -> tuple[str, ...]:
    """List the tags of a device's volume group."""
    return (names.TAG, f'{names.TAG_DEVICE}{device_id}')


def device_of(tags: Collection[str]) -> str:
    """Say which device a volume group is; '' if it is none of ours.

    :raises ValueError: it is said to be two
    """
    return _only(tags, names.TAG_DEVICE, '')


def brick_tags(brick: model.Brick) -> tuple[str, ...]:
    """List the tags of a brick's logical volume."""
    return (
        names.TAG,
        f'{names.TAG_BRICK}{brick.id}',
        f'{names.TAG_VOLUME}{brick.volume_id}',
        f'{names.TAG_SET}{brick.set_index}',
        f'{names.TAG_POSITION}{brick.position}',
    )


def brick_of(tags: Collection[str]) -> BrickMark | None:
    """Say which brick a logical volume is; None if it is none of ours.

    :raises ValueError: the tags don't say all, or two things
    """
    if names.TAG not in tags:
        return None
    return BrickMark(
        brick_id=_only(tags, names.TAG_BRICK),
        volume_id=_only(tags, names.TAG_VOLUME),
        set_index=int(_only(tags, names.TAG_SET)),
        position=int(_only(tags, names.TAG_POSITION)),
    )


def ids_of(tags: Collection[str]) -> tuple[str, str]:
    """Say which brick of which volume this is, '' for what is not said.

    For what is to be named although its tags may be incomplete.
    """
    try:
        return (
            _only(tags, names.TAG_BRICK, ''),
            _only(tags, names.TAG_VOLUME, ''),
        )
    except ValueError:
        return '', ''


def contradicting(
    tags: Collection[str], wanted: Collection[str]
) -> tuple[str, ...]:
    """List the tags of ours that are others than those wanted."""
    return tuple(
        each for each in tags if each.startswith(_OURS) and each not in wanted
    )


def volume_options(volume: model.Volume) -> dict[str, str]:
    """List the options that mark a Gluster volume.

    What is empty is left out, since Gluster refuses it.

    :raises InvalidInput: glusterd would not bear one of them
    """
    options = {
        names.OPTION_VOLUME_ID: volume.id,
        names.OPTION_SHARE_ID: volume.share_id,
        names.OPTION_DURABILITY: str(volume.durability),
        names.OPTION_SPREAD: str(volume.spread),
        names.OPTION_TAGS: urllib.parse.quote(volume.tags, _PLAIN),
        names.OPTION_AVERAGE_FILE: str(volume.average_file_bytes),
    }
    for name, value in options.items():
        if len(f'{name}={value}') > names.OPTION_LIMIT:
            raise exceptions.InvalidInput(
                field=name.rpartition('.')[2],
                value=f'{value[:40]}...',
                reason=f'it takes {len(value)} bytes; glusterd crashes when a '
                f'line of its own is longer than {names.OPTION_LIMIT}',
            )
    return {name: value for name, value in options.items() if value}


def volume_of(options: Mapping[str, str]) -> VolumeMark | None:
    """Say which volume this is; None if it is none of ours.

    :raises ValueError: an option is missing, or makes no sense
    """
    if names.OPTION_VOLUME_ID not in options:
        return None
    for name in (
        names.OPTION_DURABILITY,
        names.OPTION_SPREAD,
        names.OPTION_AVERAGE_FILE,
    ):
        if name not in options:
            raise ValueError(f'it has no option {name}')
    return VolumeMark(
        volume_id=options[names.OPTION_VOLUME_ID],
        share_id=options.get(names.OPTION_SHARE_ID, ''),
        durability=durability.parse(options[names.OPTION_DURABILITY]),
        spread=spread.parse(options[names.OPTION_SPREAD]),
        tags=urllib.parse.unquote(options.get(names.OPTION_TAGS, '')),
        average_file_bytes=int(options[names.OPTION_AVERAGE_FILE]),
    )


def _only(
    tags: Collection[str], prefix: str, missing: str | None = None
) -> str:
    """Give what follows a prefix in the one tag that has it."""
    found = [each[len(prefix) :] for each in tags if each.startswith(prefix)]
    if not found and missing is not None:
        return missing
    if len(found) != 1:
        many = 'no tag' if not found else f'{len(found)} tags'
        raise ValueError(f'it has {many} {prefix}...')
    return found[0]
