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

"""The lab's network: a namespace, a bridge in it, a tap for each guest.

Nothing of it is visible outside the namespace, so that labs can stand side by
side and the host's own network is left alone.
"""

import ipaddress
import json
import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout

_BRIDGE = 'br0'
_PREFIX = 'gluster-lab-'
_NETNS = pathlib.Path('/run/netns')


def create(lab: layout.Lab) -> None:
    """Make what is missing of the lab's network; a second run does nothing.

    :raises LabError: the name or the subnet belongs to another lab that runs
    """
    refuse_clash(lab)
    if not _is_namespace(lab.namespace_path):
        # After a restart of a container a dead file may be in its place.
        lab.namespace_path.unlink(missing_ok=True)
        _netns(lab.namespace, 'add')
    present = {link['ifname'] for link in _links(lab.namespace)}
    commands = ['link set lo up']
    if _BRIDGE not in present:
        commands += _bridge_commands(lab)
    for node in lab.nodes:
        if node.tap not in present:
            commands += [
                f'tuntap add {node.tap} mode tap',
                f'link set {node.tap} master {_BRIDGE} up',
            ]
    _inside(lab.namespace, '-batch', '-', text='\n'.join(commands) + '\n')


def _bridge_commands(lab: layout.Lab) -> list[str]:
    length = lab.spec.network.prefixlen
    return [
        f'link add {_BRIDGE} type bridge',
        # The alias tells whose namespace this is; see is_up.
        f'link set {_BRIDGE} alias {lab.directory}',
        f'addr add {lab.controller_address}/{length} dev {_BRIDGE}',
        f'link set {_BRIDGE} up',
    ]


def remove(lab: layout.Lab) -> None:
    """Remove the lab's network; does nothing when there is none."""
    if not is_up(lab):
        return
    # A process that still holds the namespace would keep the interfaces.
    taps = {node.tap for node in lab.nodes}
    for link in _links(lab.namespace):
        if link['ifname'] in taps | {_BRIDGE}:
            _inside(lab.namespace, 'link', 'del', link['ifname'])
    _netns(lab.namespace, 'del')


def is_up(lab: layout.Lab) -> bool:
    """Tell whether the lab's namespace exists, and is not that of another.

    A namespace without a bridge is one that was not finished.
    """
    if not _is_namespace(lab.namespace_path):
        return False
    return all(
        link.get('ifalias') == str(lab.directory)
        for link in _links(lab.namespace)
        if link['ifname'] == _BRIDGE
    )


def set_link(lab: layout.Lab, node: layout.LabNode, up: bool) -> None:
    """Cut or restore the network of ``node``; the guest is not told.

    :raises LabError: the lab is down
    """
    _require_up(lab)
    # Not "link set down": then the guest's driver gets errors instead of
    # silence, and needs half a minute to recover from them.
    master = ['master', _BRIDGE] if up else ['nomaster']
    _inside(lab.namespace, 'link', 'set', node.tap, *master)


def linked_taps(lab: layout.Lab) -> set[str]:
    """Return the taps whose network is not cut."""
    if not is_up(lab):
        return set()
    return {
        link['ifname']
        for link in _links(lab.namespace)
        if link.get('master') == _BRIDGE
    }


def entered(lab: layout.Lab, argv: list[str]) -> list[str]:
    """Return ``argv`` so that it runs in the lab's network.

    ``nsenter`` leaves the mount namespace alone, unlike ``ip netns exec``: a
    FUSE mount that ``argv`` makes stays.

    :raises LabError: the lab is down
    """
    _require_up(lab)
    return ['nsenter', f'--net={lab.namespace_path}', '--', *argv]


def process_ids(lab: layout.Lab) -> list[int]:
    """Return every process of this host that is in the lab's network."""
    if not is_up(lab):
        return []
    namespace = lab.namespace_path.stat()
    found = []
    for entry in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            theirs = (entry / 'ns' / 'net').stat()
        except OSError:  # It ended meanwhile.
            continue
        if os.path.samestat(theirs, namespace):
            found.append(int(entry.name))
    return found


def refuse_clash(lab: layout.Lab) -> None:
    """Refuse a lab whose name or subnet another lab uses that runs.

    :raises LabError: so it is
    """
    for namespace, owner, network in _running_labs():
        if namespace == lab.namespace and owner != str(lab.directory):
            reason = f'this name is used by the lab in {owner}'
        elif namespace != lab.namespace and network.overlaps(lab.spec.network):
            reason = f'subnet {lab.spec.subnet} is used by {namespace}'
        else:
            continue
        raise exceptions.LabError(lab=lab.name, reason=reason)


def _running_labs() -> Iterator[tuple[str, str, ipaddress.IPv4Network]]:
    for path in sorted(_NETNS.glob(f'{_PREFIX}*')):
        if not _is_namespace(path):
            continue
        for link in _links(path.name):
            if link['ifname'] != _BRIDGE:
                continue
            for address in link['addr_info']:
                if address['family'] != 'inet':
                    continue
                network = ipaddress.IPv4Interface(
                    f'{address["local"]}/{address["prefixlen"]}'
                ).network
                yield path.name, link.get('ifalias', ''), network


def _is_namespace(path: pathlib.Path) -> bool:
    return os.path.ismount(path)


def _require_up(lab: layout.Lab) -> None:
    if not is_up(lab):
        raise exceptions.LabError(
            lab=lab.name, reason='it is down; bring it up with "lab up"'
        )


def _links(namespace: str) -> list[dict[str, Any]]:
    listing = _inside(namespace, '-json', '-details', 'address', 'show')
    links: list[dict[str, Any]] = json.loads(listing or '[]')
    return links


def _inside(namespace: str, *words: str, text: str | None = None) -> str:
    return _run(namespace, ['ip', '-n', namespace, *words], text)


def _netns(namespace: str, verb: str) -> str:
    return _run(namespace, ['ip', 'netns', verb, namespace], None)


def _run(namespace: str, argv: list[str], text: str | None) -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    if done.returncode:
        raise exceptions.LabError(
            lab=namespace.removeprefix(_PREFIX),
            reason=f'{" ".join(argv)}: {done.stderr.strip()}',
        )
    return done.stdout
