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


"""Looking at hosts: one round trip each, all at once, nothing is changed."""

import dataclasses
import functools
import time
from collections.abc import Mapping

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.hostcmd import xfs
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import clocks
from manila_gluster_heketi.tls import distribute

_MOUNT_TABLE = '/proc/mounts'
_QUOTA_OFF = 'Quota is disabled'

#: The limit in bytes; None without one; or why it could not be learned.
Quota = int | exceptions.HostError | None


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What to ask a host for.

    :ivar directories: see whether these are there
    :ivar mount_paths: see how large the file systems on these are
    :ivar quotas: names of volumes; Gluster knows them on all hosts alike, so
        each volume is asked for on one of them
    :ivar tls_directory: '' to ask where it is, and for nothing in it
    """

    directories: tuple[str, ...] = ()
    mount_paths: tuple[str, ...] = ()
    quotas: tuple[str, ...] = ()
    tls_directory: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class HostView:
    """What was seen on a host.

    :ivar groups: by name; a group on several devices is seen as the last
    :ivar volumes: by group and name
    :ivar mounts: device by path
    :ivar fstab: device by path
    :ivar file_systems: by the path that they are mounted on
    :ivar record: text of the node's record; None if it has none
    :ivar certificate, authorities, public_key: in PEM; None if not there
    :ivar key_permission: None if there is no key
    :ivar clock_offset_seconds: its clock minus ours, at least
    :ivar known: names of all volumes that its glusterd knows; None if it does
        not say
    :ivar quotas: by the name of the volume
    :ivar secure_access: it has the file that puts its glusterd into TLS
    """

    host: str
    groups: Mapping[str, lvm_report.PhysicalVolume]
    volumes: Mapping[tuple[str, str], lvm_report.LogicalVolume]
    mounts: Mapping[str, str]
    fstab: Mapping[str, str]
    file_systems: Mapping[str, xfs.Geometry]
    directories: frozenset[str]
    record: str | None
    tls_directory: str
    certificate: str | None
    authorities: str | None
    public_key: str | None
    key_permission: tls_files.Permission | None
    clock_offset_seconds: float
    known: frozenset[str] | None
    quotas: Mapping[str, Quota]
    secure_access: bool


Outcome = HostView | exceptions.HostError


def look(
    executor: base.Executor, requests: Mapping[str, Request]
) -> dict[str, Outcome]:
    """Look at hosts; an error of one is its outcome."""
    batches = {host: _batch(request) for host, request in requests.items()}
    began = time.time()
    outcomes = parallel.run_on_hosts(
        executor,
        {host: tuple(batch.values()) for host, batch in batches.items()},
    )
    span = (began, time.time())
    return {
        host: _view(host, requests[host], batches[host], outcomes[host], span)
        for host in requests
    }


def quota_of(host: str, output: str) -> Quota:
    """Read the limit of a volume out of what gluster said of it."""
    try:
        limits = gluster_xml.quota_limits(host, output)
    except exceptions.GlusterError as error:
        if _QUOTA_OFF in str(error.fields['stderr']):
            return None
        return error
    except exceptions.HostError as error:
        return error
    return limits[0].limit_bytes if limits else None


def _batch(request: Request) -> dict[str, Command]:
    batch = {
        'clock': system.clock(),
        'record': system.read_file(names.NODE_RECORD),
        'fstab': system.read_file(names.FSTAB),
        'mounts': system.read_file(_MOUNT_TABLE),
        'groups': lvm.pvs(),
        'volumes': lvm.lvs(),
        'directories': mounts.directories(request.directories),
        'known': gluster.volume_list(),
        'secure_access': system.read_file(names.SECURE_ACCESS),
    }
    if request.mount_paths:
        batch['geometries'] = xfs.geometries(request.mount_paths)
    if request.tls_directory:
        key, certificate, authorities = distribute.paths(request.tls_directory)
        batch['certificate'] = system.read_file(certificate)
        batch['authorities'] = system.read_file(authorities)
        batch['public_key'] = system.public_key(key)
        batch['key_permission'] = tls_files.permission(key)
    else:
        batch['tls_directory'] = system.tls_directory()
    for name in request.quotas:
        batch[f'quota {name}'] = gluster.quota_list(name)
    return batch


def _view(
    host: str,
    request: Request,
    batch: Mapping[str, Command],
    outcome: parallel.Outcome,
    span: tuple[float, float],
) -> Outcome:
    if isinstance(outcome, exceptions.HostError):
        return outcome
    try:
        results = dict(zip(batch, outcome, strict=True))
        return _read(host, request, results, span)
    except exceptions.HostError as error:
        return error


def _read(
    host: str,
    request: Request,
    results: Mapping[str, base.Result],
    span: tuple[float, float],
) -> HostView:
    def text(name: str) -> str | None:
        result = results.get(name)
        return None if result is None or result.skipped else result.stdout

    tls_directory = request.tls_directory or system.parse_tls_directory(
        host, results['tls_directory'].stdout
    )
    return HostView(
        host=host,
        groups={
            each.vg_name: each
            for each in lvm_report.physical_volumes(
                host, results['groups'].stdout
            )
            if each.vg_name
        },
        volumes={
            (each.vg_name, each.name): each
            for each in lvm_report.logical_volumes(
                host, results['volumes'].stdout
            )
        },
        mounts=_devices(text('mounts')),
        fstab=_devices(text('fstab')),
        file_systems=xfs.parse_geometries(text('geometries') or ''),
        directories=frozenset(results['directories'].stdout.splitlines()),
        record=text('record'),
        tls_directory=tls_directory,
        certificate=text('certificate'),
        authorities=text('authorities'),
        public_key=text('public_key'),
        key_permission=_permission(host, text('key_permission')),
        clock_offset_seconds=clocks.offset(
            system.parse_clock(host, results['clock'].stdout), *span
        ),
        known=_known(results['known'].stdout),
        quotas={
            name: quota_of(host, results[f'quota {name}'].stdout)
            for name in request.quotas
        },
        secure_access=text('secure_access') is not None,
    )


def _permission(host: str, text: str | None) -> tls_files.Permission | None:
    return None if text is None else tls_files.parse_permission(host, text)


# Most hosts know the same: it is read and kept once.
@functools.lru_cache(maxsize=8)
def _known(output: str) -> frozenset[str] | None:
    try:
        return frozenset(gluster_xml.volume_names('', output))
    except exceptions.HostError:
        return None


def _devices(table: str | None) -> dict[str, str]:
    return {
        entry.path: entry.device for entry in mount_table.parse(table or '')
    }
