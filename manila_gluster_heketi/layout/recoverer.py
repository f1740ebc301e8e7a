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

"""What a process that lasts does beside its work.

It recovers what is open, renews certificates of nodes and forgets history,
each in a thread of its own: none waits for another one.
"""

import threading
import weakref
from collections.abc import Callable

from oslo_log import log

from manila_gluster_heketi.layout import renewer
from manila_gluster_heketi.operations.rounds import Rounds
from manila_gluster_heketi.service import Service

LOG = log.getLogger(__name__)

# A host that comes back is noticed within this time; looking costs one query
# while there is nothing to do.
INTERVAL_SECONDS = 60.0
_DAY_SECONDS = 86400.0

_started: weakref.WeakKeyDictionary[Service, 'Background'] = (
    weakref.WeakKeyDictionary()
)


class Background:
    """The threads of one service, which end with the process."""

    def __init__(self, service: Service, interval_seconds: float) -> None:
        """Start them.

        :param interval_seconds: between rounds of recovery
        """
        self._over = threading.Event()
        self._rounds = Rounds(service.engine)
        for name, turn, seconds in (
            ('recoverer', self._rounds.turn, interval_seconds),
            (
                'renewer',
                lambda: renewer.renew(service),
                renewer.INTERVAL_SECONDS,
            ),
            ('pruner', lambda: _forget(service), _DAY_SECONDS),
        ):
            threading.Thread(
                target=self._repeat,
                args=(name, turn, seconds),
                name=name,
                daemon=True,
            ).start()

    def stop(self) -> None:
        """Begin nothing more; what is in work goes on to its end."""
        self._over.set()
        self._rounds.stop()

    def _repeat(
        self, name: str, turn: Callable[[], object], seconds: float
    ) -> None:
        while not self._over.is_set():
            try:
                turn()
            except Exception:
                # Whatever it was, the next turn may well succeed.
                LOG.exception('the %s failed', name)
            self._over.wait(seconds)


def start(
    service: Service, interval_seconds: float = INTERVAL_SECONDS
) -> Background:
    """Begin now, in threads of their own.

    A second call for the same service changes nothing, since Manila repeats
    a driver's set-up until it succeeds.

    :param interval_seconds: between rounds of recovery
    """
    if service not in _started:
        _started[service] = Background(service, interval_seconds)
    return _started[service]


def _forget(service: Service) -> None:
    forgotten = service.forget_history()
    if forgotten:
        LOG.info('%d closed operations are forgotten', forgotten)
