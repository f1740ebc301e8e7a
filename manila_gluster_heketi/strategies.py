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

"""Strategies by name: ours, and what others have installed.

A strategy is the entry point of an object in :data:`NAMESPACE`; what such an
object has to do is :class:`.allocator.strategies.Strategy`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from stevedore import driver
from stevedore import named as plugins

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.allocator import strategies

NAMESPACE = 'manila_gluster_heketi.strategies'

DEFAULT = 'balanced'

#: Those that no share should depend on, and why.
TO_COMPARE: Mapping[str, str] = MappingProxyType(
    {
        'most_free': 'it is there to compare with: it fills large devices '
        'and leaves small ones empty',
        'straw2': 'it is there to compare with: chance fills a device long '
        'before the cluster is full',
    }
)


def known() -> tuple[str, ...]:
    """List the names of all that are installed."""
    return tuple(sorted(set(_installed())))


def named(name: str) -> strategies.Strategy:
    """Find a strategy; answers of those that are not ours are checked.

    :raises InvalidInput: there is none of this name, or it can't be used
    """
    found = _loaded(name)
    if found in strategies.OURS:
        return found
    return strategies.Checked(name, found)


def for_shares(name: str) -> strategies.Strategy:
    """Find a strategy that shares may be placed by.

    :raises InvalidInput: as for :func:`named`, or it is to compare with
    """
    if name in TO_COMPARE:
        raise _invalid(name, TO_COMPARE[name])
    return named(name)


def _installed() -> list[str]:
    # No names to load: a plugin that is broken must not hide the others.
    manager: Any = plugins.NamedExtensionManager(NAMESPACE, names=[])
    names: list[str] = manager.entry_points_names()
    return names


def _loaded(name: str) -> strategies.Strategy:
    count = _installed().count(name)
    if not count:
        raise _invalid(name, f'known are {", ".join(known())}')
    if count > 1:
        raise _invalid(name, 'several plugins have this name')
    try:
        found: Any = driver.DriverManager(NAMESPACE, name).driver
    except Exception as error:
        # Whatever the code of others does when it is imported.
        reason = f'the plugin can not be loaded: {error!r}'
        raise _invalid(name, reason) from error
    if isinstance(found, type) or not callable(getattr(found, 'find', None)):
        raise _invalid(name, f'{found!r} is no object with a method find()')
    strategy: strategies.Strategy = found
    return strategy


def _invalid(name: str, reason: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(field='strategy', value=name, reason=reason)
