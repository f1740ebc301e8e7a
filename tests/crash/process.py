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

"""A process of the control plane with faults in it, to be killed.

    python -m tests.crash.process SETTINGS RULES METHOD ARGUMENTS

SETTINGS is JSON: options without their prefix, with "state_path". RULES is a
file of rules, see ``executor.inject_rules``. METHOD is one of the service's,
ARGUMENTS the JSON object of what it is called with; a "spec" is that of a
volume. With "simulated": N among the settings there are N simulated hosts, of
a cluster that is loaded first; with "hosts": PATH they are those of another
process, see ``far_hosts``; else commands go to real hosts, over OpenSSH.
"name" is what the process is called there, and the machine that it is on: so
nobody can see that it has died. "lease_seconds" is how long its leases are.
"""

import datetime
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import model
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor import inject_rules
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.operations import heartbeat
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.service import Service
from tests.crash import far_hosts
from tests.functional import deployment


def main(argv: Sequence[str]) -> None:
    """Do the one thing that is asked for."""
    options, rules, method, arguments = argv
    chosen = json.loads(options)
    count = chosen.pop('simulated', 0)
    service, injector = start(chosen, count)
    if count and not service.nodes():
        document = deployment.Deployment(count).document()
        service.load_topology(json.dumps(document))
    for rule in inject_rules.read(pathlib.Path(rules).read_text()):
        injector.arm(rule)
    _ask(service, method, json.loads(arguments))


def ask(chosen: dict[str, Any], method: str, given: dict[str, Any]) -> None:
    """Start a process, and do one thing in it.

    :param chosen: SETTINGS, see above
    :param given: ARGUMENTS
    """
    service, _ = start(chosen)
    _ask(service, method, given)


def start(
    chosen: dict[str, Any], count: int = 0
) -> tuple[Service, inject.Injector]:
    """Start a process of the control plane.

    :param chosen: SETTINGS, see above
    :param count: how many simulated hosts to make, if any
    """
    path, name = chosen.pop('hosts', ''), chosen.pop('name', '')
    lease = chosen.pop('lease_seconds', 0)
    settings = deployment.settings_in(chosen.pop('state_path'), **chosen)
    hosts: base.Executor = openssh.OpenSshExecutor(settings.ssh)
    if count:
        hosts = deployment.Deployment(count).cluster
    if path:
        hosts = far_hosts.FarHosts(path, name)
    if name:
        owner._machine = lambda: name
    injector = inject.Injector(hosts)
    service = Service(settings, executor=injector)
    if lease:
        engine = service.engine
        engine.heartbeat = heartbeat.Heartbeat(
            engine.store, datetime.timedelta(seconds=lease)
        )
    service.prepare()
    return service, injector


def _ask(service: Service, method: str, given: dict[str, Any]) -> None:
    if 'spec' in given:
        given = {**given, 'spec': model.VolumeSpec(**given['spec'])}
    getattr(service, method)(**given)


if __name__ == '__main__':
    main(sys.argv[1:])
