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

"""Recovery, and renewal of certificates, behind a share service."""

import threading

from oslo_log import log

from manila_gluster_heketi.layout.renewer import Renewer
from manila_gluster_heketi.service import Service

LOG = log.getLogger(__name__)

# A host that comes back is noticed within this time; looking costs one query
# while there is nothing to do.
INTERVAL_SECONDS = 60.0

_started: set[int] = set()


def start(service: Service) -> None:
    """Recover now and every minute, in a thread of its own.

    A second call for the same service changes nothing, since Manila repeats
    a driver's set-up until it succeeds.
    """
    if id(service) in _started:
        return
    _started.add(id(service))
    threading.Thread(
        target=_run, args=(service,), name='recoverer', daemon=True
    ).start()


def _run(service: Service) -> None:
    pause = threading.Event()
    renewer = Renewer(service)
    while True:
        try:
            for each in service.recover():
                LOG.info(
                    'operation %s: %s',
                    each.operation.id,
                    each.error or 'closed',
                )
        except Exception:
            # Whatever it was, the next round may well succeed.
            LOG.exception('recovery failed')
        renewer.turn()
        pause.wait(INTERVAL_SECONDS)
