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

"""The files of a lab: keys, disk images, configuration of the ssh client."""

import os
import pathlib
import shutil
import subprocess

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import state_disk

_STATE_BYTES = 1 << 30


def create(lab: layout.Lab) -> None:
    """Make the keys and disks that are missing; keep those that are there.

    :raises LabError: a program failed, say for want of room
    """
    # The guests' files take their modes from here.
    previous = os.umask(0o022)
    try:
        _make_key(lab, lab.identity_file, 'lab')
        for node in lab.nodes:
            _create_disks(lab, node)
        state_disk.install_script('init', lab.directory / 'init', 0o755)
        _write_ssh_files(lab)
    finally:
        os.umask(previous)


def _create_disks(lab: layout.Lab, node: layout.LabNode) -> None:
    node.directory.mkdir(exist_ok=True)
    _make_key(lab, _host_key(node), node.name)
    for image in node.disk_images:
        if not image.exists():
            _make_sparse(image, lab.spec.disk_bytes)
    if not node.state_image.exists():
        _make_state_image(lab, node)


def _make_state_image(lab: layout.Lab, node: layout.LabNode) -> None:
    tree = node.directory / 'tree'
    image = node.state_image.with_suffix('.new')
    shutil.rmtree(tree, ignore_errors=True)
    image.unlink(missing_ok=True)
    try:
        state_disk.fill(tree, lab, node, _host_key(node))
        _make_sparse(image, _STATE_BYTES)
        _run(
            lab,
            ['mkfs.ext4', '-q', '-F', '-J', 'size=8']
            + ['-E', 'lazy_itable_init=1,lazy_journal_init=1']
            + ['-d', str(tree), str(image)],
        )
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    image.replace(node.state_image)


def _write_ssh_files(lab: layout.Lab) -> None:
    known = []
    blocks = []
    for node in lab.nodes:
        kind, key = _public(_host_key(node)).read_text().split()[:2]
        known.append(f'{node.name},{node.address} {kind} {key}\n')
        blocks.append(
            f'Host {node.name}\n'
            f'    HostName {node.address}\n'
            f'    HostKeyAlias {node.name}\n'
        )
    blocks.append(
        'Host *\n'
        '    User root\n'
        f'    IdentityFile {lab.identity_file}\n'
        '    IdentitiesOnly yes\n'
        f'    UserKnownHostsFile {lab.known_hosts}\n'
        '    GlobalKnownHostsFile none\n'
        '    StrictHostKeyChecking yes\n'
        '    GSSAPIAuthentication no\n'
        '    LogLevel ERROR\n'
    )
    state_disk.write(lab.known_hosts, ''.join(known))
    state_disk.write(lab.ssh_config, ''.join(blocks))


def _make_key(lab: layout.Lab, path: pathlib.Path, comment: str) -> None:
    if _public(path).exists():
        return
    path.unlink(missing_ok=True)
    _run(
        lab,
        ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '']
        + ['-C', comment, '-f', str(path)],
    )


def _host_key(node: layout.LabNode) -> pathlib.Path:
    return node.directory / 'host_key'


def _public(key: pathlib.Path) -> pathlib.Path:
    return key.with_suffix('.pub')


def _make_sparse(path: pathlib.Path, size: int) -> None:
    with path.open('wb') as image:
        image.truncate(size)


def _run(lab: layout.Lab, argv: list[str]) -> None:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise exceptions.LabError(
            lab=lab.name, reason=f'{argv[0]}: {done.stderr.strip()}'
        )
