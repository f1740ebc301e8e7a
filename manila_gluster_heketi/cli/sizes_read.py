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

"""Sizes as people write them."""

from oslo_utils import strutils

from manila_gluster_heketi import exceptions

# What a database, and LVM, can count.
MOST_BYTES = 2**63 - 1
_KNOWN = 'a number, alone or with B, KiB, MiB, GiB, TiB, PiB, kB, MB, GB, ...'


def size_bytes(
    text: str,
    field: str,
    plain: str = 'GiB',
    least: int = 1,
    most: int = MOST_BYTES,
) -> int:
    """Read '100GiB', '1.5 TB' and the like.

    :param field: what the text is called where the caller got it
    :param plain: the unit of a number without one
    :param least: the smallest that will do, in bytes
    :param most: the largest
    :raises InvalidInput: it is no size, too small or too large
    """
    words = text.replace(' ', '')
    if words[-1:].isdecimal():
        words += plain
    # A bit is no size of storage, whatever the library thinks of 'Gb'.
    if not (words.isascii() and words.endswith('B')):
        raise _invalid(field, text, f'it is not {_KNOWN}')
    try:
        found = strutils.string_to_bytes(
            words, unit_system='mixed', return_int=True
        )
    except OverflowError as error:
        raise _invalid(field, text, _beyond(least, most)) from error
    except ValueError as error:
        raise _invalid(field, text, f'it is not {_KNOWN}') from error
    if not least <= found <= most:
        raise _invalid(field, text, _beyond(least, most))
    return int(found)


def _beyond(least: int, most: int) -> str:
    return f'it is not from {least} to {most} bytes'


def _invalid(field: str, text: str, reason: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(field=field, value=text, reason=reason)
