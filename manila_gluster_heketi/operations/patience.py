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
"""Waiting for those on other hosts that change the same thing.

The store sees to it that no two operations change the same thing, wherever
they are; it refuses the second one, and who asked for that waits here. Nobody
holds a lock meanwhile, which a process that hangs would never let go of.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from typing import TypeVar

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

LOG = log.getLogger(__name__)

_T = TypeVar('_T')

# Seconds. To ask the store is cheap, and a lease that has run out is found so.
_LONGEST_PAUSE = 1.0


def until_free(site: Site, work: Callable[[], _T]) -> _T:
    """Do something as soon as others are done with what it changes.

    :param work: changes nothing if it raises UnderWay; has to read again
        what it works on each time that it is called
    :returns: what it returned
    :raises UnderWay: the others take longer than ``site`` is patient
    """
    for pause in site.pauses(_LONGEST_PAUSE):
        try:
            return work()
        except exceptions.UnderWay as error:
            if pause is None:
                raise
            LOG.debug('again in %.1f s: %s', pause, error)
            site.sleep(pause)
    raise AssertionError('the last pause is None')


def open_on(
    engine: Engine, tx: WriteTransaction, kind: OpKind, volume: model.Volume
) -> Operation:
    """Open an operation on a volume that must be as it was read before.

    :raises NotFound: it is gone
    :raises UnderWay: another operation changes it, or just has
    """
    operation = engine.open(tx, kind, volume.id, volume.cluster_id)
    check_unchanged(tx, volume)
    return operation


def check_unchanged(tx: Transaction, volume: model.Volume) -> None:
    """See whether a volume is still as it was read before.

    :raises NotFound: it is gone
    :raises UnderWay: another process has changed it
    """
    if volumes.volume(tx, volume.id) != volume:
        raise just_changed('volume', volume.name)


def check_new(
    kind: str, wanted: Iterable[str], there: Collection[str]
) -> None:
    """See whether what was not there when it was looked for still is not.

    :raises UnderWay: another process has added it
    """
    for each in wanted:
        if each in there:
            raise just_changed(kind, each)


def just_changed(kind: str, identity: str) -> exceptions.UnderWay:
    """Say that what was read before is something else by now."""
    return exceptions.UnderWay(
        kind=kind,
        identity=identity,
        reason='another process has just changed it',
    )
