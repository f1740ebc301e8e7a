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

"""Looking at hosts before they become nodes: reads only, all hosts at once."""

import dataclasses
import re
import time
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi import sizes
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import device as devices
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.topology import WantedDevice

# Releases with what we rely on: TLS that is re-read at each connection and
# server.dynamic-auth; thin pools that JSON reports tell of.
_OLDEST: Mapping[str, tuple[int, ...]] = {'gluster': (9,), 'lvm': (2, 2, 171)}
_PACKAGES = {
    'gluster': 'glusterfs-server',
    'lvm': 'lvm2',
    'xfs': 'xfsprogs',
    'thin_check': 'thin-provisioning-tools',
    'systemctl': 'systemd',
    'openssl': 'openssl',
}
_HOST_BATCH_LENGTH = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What to look at on a host.

    :ivar is_new: the host itself is to become a node
    """

    is_new: bool
    devices: tuple[WantedDevice, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class HostFacts:
    """What was seen.

    :ivar clock_offset_seconds: its clock minus ours
    :ivar device_sizes: in bytes, by path
    """

    tls_directory: str
    clock_offset_seconds: float
    device_sizes: Mapping[str, int]


def inspect(
    executor: base.Executor, requests: Mapping[str, Request]
) -> dict[str, HostFacts]:
    """Look at all hosts; say what is unfit before anything is changed.

    :param requests: by the name that SSH goes to
    :raises HostError: the first host, or device, that is not fit
    """
    outcomes = parallel.run_on_hosts(
        executor,
        {host: _batch(request) for host, request in requests.items()},
    )
    facts = {}
    for host, request in requests.items():
        outcome = outcomes[host]
        if isinstance(outcome, exceptions.HostError):
            raise _explained(host, outcome)
        facts[host] = _facts(host, request, outcome)
    return facts


def _batch(request: Request) -> list[Command]:
    batch: list[Command] = []
    if request.is_new:
        batch = [
            system.versions(),
            system.clock(),
            system.service_is_active(),
            system.tls_directory(),
            system.read_file(names.NODE_RECORD),
            system.read_file(names.SECURE_ACCESS),
        ]
    for wanted in request.devices:
        batch += devices.probe(wanted.path)
    return batch


def _explained(
    host: str, error: exceptions.HostError
) -> exceptions.HostError:
    """Say in words what a failed look means."""
    if not isinstance(error, exceptions.CommandFailed):
        return error
    command = str(error.fields['command'])
    if command == str(system.service_is_active()):
        return exceptions.HostUnfit(
            host=host, reason='glusterd is not running'
        )
    for program in ('lsblk', 'wipefs'):
        if command.startswith(program):
            return exceptions.DeviceUnfit(
                host=host,
                device=command.split()[-1],
                reason=str(error.fields['stderr']),
            )
    return exceptions.HostUnfit(host=host, reason=error.what)


def _facts(
    host: str, request: Request, results: Sequence[base.Result]
) -> HostFacts:
    tls_directory, offset = '', 0.0
    of_devices = list(results)
    if request.is_new:
        of_host = results[:_HOST_BATCH_LENGTH]
        of_devices = list(results[_HOST_BATCH_LENGTH:])
        versions, clock, _, directory, record, secured = of_host
        _check_versions(host, system.parse_versions(versions.stdout))
        _check_stranger(host, record)
        _check_plain(host, secured)
        offset = system.parse_clock(host, clock.stdout) - time.time()
        tls_directory = system.parse_tls_directory(host, directory.stdout)
    found = {}
    for index, wanted in enumerate(request.devices):
        lsblk, wipefs = of_devices[2 * index : 2 * index + 2]
        probe = devices.parse_probe(host, lsblk.stdout, wipefs.stdout)
        _check_device(host, wanted, probe)
        found[wanted.path] = probe.size_bytes
    return HostFacts(tls_directory, offset, found)


def _check_versions(host: str, versions: system.Versions) -> None:
    if versions.missing:
        packages = [_PACKAGES[each] for each in versions.missing]
        raise exceptions.HostUnfit(
            host=host,
            reason='it lacks '
            + ', '.join(versions.missing)
            + '; packages: '
            + ', '.join(packages),
        )
    for program, oldest in _OLDEST.items():
        version = getattr(versions, program)
        if _numbers(version) < oldest:
            raise exceptions.HostUnfit(
                host=host,
                reason=f'{program} {version} is too old, '
                + '.'.join(map(str, oldest))
                + ' is needed',
            )


def _check_stranger(host: str, record: base.Result) -> None:
    """Leave a node of another store alone, or of this one when it was lost.

    To take it anew would be the end of what could be rebuilt from it.
    """
    if not record.skipped:
        raise exceptions.HostUnfit(
            host=host,
            reason='it is a node already, by its file '
            f'{names.NODE_RECORD}: if the store was lost, "gluster-heketi db '
            'rebuild" restores it; if the node is given up, remove the file',
        )


def _check_plain(host: str, secured: base.Result) -> None:
    """Find a host that most clusters could not speak with.

    In one that could, it would not be known what to leave when it goes.
    """
    if not secured.skipped:
        raise exceptions.HostUnfit(
            host=host,
            reason=f'it has the file {names.SECURE_ACCESS}: remove it and '
            'restart glusterd; a cluster that has management encryption '
            '("gluster-heketi cluster secure-access") gives it to new nodes',
        )


def _check_device(
    host: str, wanted: WantedDevice, probe: devices.DeviceProbe
) -> None:
    reason = ''
    if probe.read_only:
        reason = 'it is read-only'
    elif probe.mount_points or probe.holders:
        users = ', '.join((*probe.mount_points, *probe.holders))
        reason = f'it is in use: {users}'
    elif probe.signatures and not wanted.destroy_data:
        reason = 'it holds data: ' + ', '.join(probe.signatures)
    elif probe.size_bytes < 2 * sizes.BRICK_MIN_BYTES:
        reason = f'it has {probe.size_bytes} bytes, too few for a brick'
    if reason:
        raise exceptions.DeviceUnfit(
            host=host, device=wanted.path, reason=reason
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r'\d+', version))
