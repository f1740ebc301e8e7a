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

"""The lab as a whole: up, down, and what may happen to its nodes."""

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import guest
from manila_gluster_heketi.lab import host
from manila_gluster_heketi.lab import images
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import lodgers
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.lab import power


@dataclasses.dataclass(frozen=True, slots=True)
class NodeStatus:
    """How a node is.

    :ivar running: it is switched on
    :ivar ready: its glusterd has started since
    :ivar linked: its network is not cut
    :ivar process_id: its kernel's launcher on this host; None when off
    :ivar resident_bytes: what it takes of this host's memory
    """

    node: layout.LabNode
    running: bool
    ready: bool
    linked: bool
    process_id: int | None
    resident_bytes: int


def up(
    spec: layout.LabSpec, directory: str | pathlib.Path | None = None
) -> layout.Lab:
    """Make the lab where it is missing, and switch all nodes on.

    A lab that is there is taken as it is, also after a crash of this host.

    :param directory: the lab's state directory; None: the default one
    :raises LabError: not root; name or subnet in use; the lab that is there
        was made with another specification
    :raises LabPackagesMissing: packages are missing
    :raises LabGuestFailed: a guest did not come up
    """
    host.require_root(spec.name)
    host.require_programs(spec.name)
    host.find_kernel(spec)
    lab = layout.Lab.plan(spec, directory)
    network.refuse_clash(lab)
    with _locked(lab):
        if lab.exists:
            _refuse_other(lab)
        lab.save()
        images.create(lab)
        _switch_on(lab, lab.nodes)
    return lab


def down(lab: layout.Lab, purge: bool = False) -> None:
    """Switch all nodes off and remove the network.

    Processes that were started in the lab's network are ended, and their
    GlusterFS mounts are undone.

    :param purge: remove the lab's directory too
    :raises LabError: not root; or something does not go away
    """
    host.require_root(lab.name)
    with _locked(lab):
        _cut(lab, lab.nodes, dirty=purge)
        lodgers.end(lab)
        network.remove(lab)
        if purge:
            _purge(lab)


def kill(
    lab: layout.Lab, node: str | layout.LabNode, dirty: bool = False
) -> None:
    """Cut the power of a node.

    :param dirty: also lose what the guest has not yet written to its disks;
        what a program there has flushed with fsync stays
    """
    host.require_root(lab.name)
    with _locked(lab):
        _cut(lab, [_find(lab, node)], dirty)


def start(lab: layout.Lab, nodes: Sequence[str | layout.LabNode]) -> None:
    """Switch nodes on again and wait until their glusterd runs.

    :raises LabGuestFailed: a guest did not come up
    """
    host.require_root(lab.name)
    with _locked(lab):
        _switch_on(lab, [_find(lab, node) for node in nodes])


def set_link(lab: layout.Lab, node: str | layout.LabNode, up: bool) -> None:
    """Cut or restore the network of a node; it runs on."""
    host.require_root(lab.name)
    network.set_link(lab, _find(lab, node), up)


def status(lab: layout.Lab) -> list[NodeStatus]:
    """Return how the nodes are, ``n1`` first."""
    host.require_root(lab.name)
    linked = network.linked_taps(lab)
    return [_node_status(lab, node, linked) for node in lab.nodes]


def run_in_namespace(
    lab: layout.Lab, argv: Sequence[str], **kwargs: Any
) -> subprocess.CompletedProcess[Any]:
    """Run a program of this host in the lab's network.

    :param kwargs: as for :func:`subprocess.run`
    """
    check = kwargs.pop('check', False)
    return subprocess.run(
        network.entered(lab, list(argv)), check=check, **kwargs
    )


def ssh_argv(
    lab: layout.Lab, node: str | layout.LabNode, user: str = 'root'
) -> list[str]:
    """Return the command that logs in to a node; append what to run there.

    :param user: root, operator (may use sudo) or nosudo
    """
    name = _find(lab, node).name
    return network.entered(
        lab, ['ssh', '-F', str(lab.ssh_config), '-l', user, name]
    )


def _find(lab: layout.Lab, node: str | layout.LabNode) -> layout.LabNode:
    return node if isinstance(node, layout.LabNode) else lab.node(node)


def _switch_on(lab: layout.Lab, nodes: Sequence[layout.LabNode]) -> None:
    network.create(lab)
    guest.prepare(lab)
    for node in nodes:
        guest.start(lab, node)
    guest.wait_ready(lab, nodes)


def _cut(
    lab: layout.Lab, nodes: Sequence[layout.LabNode], dirty: bool
) -> None:
    for node in nodes:
        # A guest that hangs can't sync; then its power is cut all the same.
        if not dirty and power.process_ids(lab, node):
            power.sync(lab, node)
        power.cut(lab, node)


def _node_status(
    lab: layout.Lab, node: layout.LabNode, linked: set[str]
) -> NodeStatus:
    pids = power.process_ids(lab, node)
    return NodeStatus(
        node=node,
        running=bool(pids),
        ready=bool(pids) and guest.is_ready(node),
        linked=node.tap in linked,
        process_id=min(pids, default=None),
        resident_bytes=power.resident_bytes(pids),
    )


def _purge(lab: layout.Lab) -> None:
    # lab.json goes last: with it, an interrupted purge can be repeated.
    for path in lab.directory.iterdir():
        if path == lab.spec_path:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.rmtree(lab.directory)


def _refuse_other(lab: layout.Lab) -> None:
    present = layout.Lab.load(lab.directory).spec
    for field in dataclasses.fields(present):
        made = getattr(present, field.name)
        asked = getattr(lab.spec, field.name)
        if made != asked:
            raise exceptions.LabError(
                lab=lab.name,
                reason=f'{lab.directory} was made with {field.name} {made}, '
                f'not {asked}; remove it with "lab down --purge" first',
            )


@contextlib.contextmanager
def _locked(lab: layout.Lab) -> Iterator[None]:
    """Hold the lab's directory, so that one change goes on at a time."""
    lab.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(lab.directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Purged while we waited, perhaps.
        lab.directory.mkdir(exist_ok=True)
        yield
    finally:
        os.close(descriptor)
