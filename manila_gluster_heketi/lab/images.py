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
"""What is on the guests' disks before their first start.

A guest's root is this host's tree, read-only, under an overlay whose upper
directory is on the guest's state disk. So the first content of that disk is
what shall differ from this host: accounts, keys, configuration, and what of
this host shall not be seen.
"""

import importlib.resources
import os
import pathlib
import shutil
import stat
import subprocess

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout

#: Users that log in with the lab's key, beside root.
USERS = ('operator', 'nosudo')

_STATE_BYTES = 1 << 30
_FIRST_UID = 2000
_GSYNCD = 'usr/lib/x86_64-linux-gnu/glusterfs/gsyncd'
# Of these the guest sees what is on its own disk alone.
_OWN_DIRECTORIES = (
    'etc/lvm',
    'etc/ssh',
    'etc/ssl',
    'srv',
    'usr/lib/ssl',
    'var/lib/gluster-heketi-lab',
    'var/lib/glusterd',
    'var/lib/heketi',
    'var/log/glusterfs',
)
# Copied from this host into them: as the packages bring them.
_COPIED = (
    'etc/lvm/lvm.conf',
    'etc/lvm/profile',
    'etc/ssl/openssl.cnf',
    'var/lib/glusterd/groups',
    'var/lib/glusterd/hooks',
)

_SSHD_CONFIG = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
PrintLastLog no
PrintMotd no
AcceptEnv LANG LC_*
PidFile /run/sshd.pid
# Without udev, device-mapper must make its device nodes itself.
SetEnv DM_DISABLE_UDEV=1
Subsystem sftp internal-sftp
"""
_SUDOERS = """\
Defaults env_reset
Defaults env_keep += "DM_DISABLE_UDEV"
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:\
/sbin:/bin"
root ALL=(ALL:ALL) ALL
operator ALL=(ALL:ALL) NOPASSWD: ALL
"""
# No session modules: there is no systemd to tell.
_PAM_SUDO = """\
auth required pam_unix.so
account required pam_permit.so
session required pam_permit.so
"""
_LVMLOCAL = """\
# There is no udev in the guest.
activation { udev_sync=0 udev_rules=0 monitoring=0 }
devices { obtain_device_list_from_udev=0 external_device_info_source="none" }
"""
_NSSWITCH = """\
passwd: files
group: files
shadow: files
hosts: files
"""
_FILES = {
    'etc/fstab': '',
    'etc/nsswitch.conf': _NSSWITCH,
    'etc/resolv.conf': '',
    'etc/lvm/lvmlocal.conf': _LVMLOCAL,
    'etc/pam.d/sudo': _PAM_SUDO,
    'etc/ssh/sshd_config': _SSHD_CONFIG,
}
_SYMLINKS = {
    # root's PATH has sbin first, that of others lacks it.
    'usr/local/bin/systemctl': '../sbin/systemctl',
    'usr/lib/ssl/certs': '/etc/ssl/certs',
    'usr/lib/ssl/openssl.cnf': '/etc/ssl/openssl.cnf',
    'usr/lib/ssl/private': '/etc/ssl/private',
}
_SCRIPTS = {
    'main': 'usr/local/lib/gluster-heketi-lab/main',
    'systemctl': 'usr/local/sbin/systemctl',
}


def create(lab: layout.Lab) -> None:
    """Make the keys and disks that are missing; keep those that are there.

    :raises LabError: a program failed, say for want of room
    """
    _make_key(lab, lab.identity_file, 'lab')
    for node in lab.nodes:
        node.directory.mkdir(exist_ok=True)
        _make_key(lab, _host_key(node), node.name)
        for image in node.disk_images:
            if not image.exists():
                _make_sparse(image, lab.spec.disk_bytes)
        if not node.state_image.exists():
            _make_state_image(lab, node)
    _install_script(lab.directory, 'init', 'init')
    _write_ssh_files(lab)


def _make_state_image(lab: layout.Lab, node: layout.LabNode) -> None:
    tree = node.directory / 'tree'
    image = node.state_image.with_suffix('.new')
    shutil.rmtree(tree, ignore_errors=True)
    try:
        _fill_tree(lab, node, tree)
        image.unlink(missing_ok=True)
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


def _fill_tree(
    lab: layout.Lab, node: layout.LabNode, tree: pathlib.Path
) -> None:
    root = tree / 'upper'
    for name in ('work', 'merged', 'home'):
        (tree / name).mkdir(parents=True)
    for name in _OWN_DIRECTORIES:
        (root / name).mkdir(parents=True)
        # Overlayfs shows nothing of this host below such a directory.
        os.setxattr(root / name, 'trusted.overlay.opaque', b'y')
    # glusterd runs this program some 15 times when it starts, which takes
    # 20 s in a guest; it goes without when the file is missing. A character
    # device 0/0 is how overlayfs marks a file as deleted.
    (root / _GSYNCD).parent.mkdir(parents=True)
    os.mknod(root / _GSYNCD, stat.S_IFCHR, os.makedev(0, 0))
    _copy_from_host(root)
    for name, text in _FILES.items():
        _write(root / name, text)
    for name, target in _SYMLINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    for script, name in _SCRIPTS.items():
        _install_script(root, script, name)
    _write_private(root, node)
    _write_names(lab, node, root)
    _write_accounts(root)
    _write_homes(lab, tree)


def _copy_from_host(root: pathlib.Path) -> None:
    for name in _COPIED:
        source = pathlib.Path('/', name)
        if source.is_dir():
            shutil.copytree(source, root / name, symlinks=True)
        elif source.exists():
            shutil.copy2(source, root / name)


def _write_private(root: pathlib.Path, node: layout.LabNode) -> None:
    (root / 'etc/ssl/certs').mkdir()
    (root / 'etc/ssl/private').mkdir(mode=0o700)
    _write(root / 'etc/sudoers', _SUDOERS, 0o440)
    key = _host_key(node)
    target = root / 'etc/ssh' / 'ssh_host_ed25519_key'
    _write(target, key.read_text(), 0o600)
    _write(target.with_suffix('.pub'), _public(key).read_text())


def _write_names(
    lab: layout.Lab, node: layout.LabNode, root: pathlib.Path
) -> None:
    hosts = ['127.0.0.1 localhost', f'{lab.controller_address} controller']
    hosts += [f'{peer.address} {peer.name}' for peer in lab.nodes]
    _write(root / 'etc/hosts', '\n'.join(hosts) + '\n')
    _write(root / 'etc/hostname', node.name + '\n')


def _write_accounts(root: pathlib.Path) -> None:
    """Write the account files: this host's system users, and ours.

    A password field of ``*`` admits no password; with ``!``, an account
    that is locked, sshd without PAM would refuse keys too.
    """
    users = [
        line
        for line in pathlib.Path('/etc/passwd').read_text().splitlines()
        if int(line.split(':')[2]) < 1000 or line.startswith('nobody:')
    ]
    groups = [
        line
        for line in pathlib.Path('/etc/group').read_text().splitlines()
        if int(line.split(':')[2]) < 1000 or line.startswith('nogroup:')
    ]
    for uid, name in enumerate(USERS, _FIRST_UID):
        users.append(f'{name}:x:{uid}:{uid}::/home/{name}:/bin/bash')
        groups.append(f'{name}:x:{uid}:')
    names = [line.partition(':')[0] for line in users]
    shadow = [f'{name}:*:19000:0:99999:7:::' for name in names]
    _write(root / 'etc/passwd', '\n'.join(users) + '\n')
    _write(root / 'etc/group', '\n'.join(groups) + '\n')
    _write(root / 'etc/shadow', '\n'.join(shadow) + '\n', 0o600)


def _write_homes(lab: layout.Lab, tree: pathlib.Path) -> None:
    homes = [(tree / 'root', 0)]
    homes += [
        (tree / 'home' / name, uid)
        for uid, name in enumerate(USERS, _FIRST_UID)
    ]
    admitted = _public(lab.identity_file).read_text()
    for home, uid in homes:
        _write(home / '.ssh' / 'authorized_keys', admitted, 0o600)
        for path in (home, home / '.ssh'):
            path.chmod(0o700)
        for path in (home, home / '.ssh', home / '.ssh/authorized_keys'):
            os.chown(path, uid, uid)


def _write_ssh_files(lab: layout.Lab) -> None:
    (lab.directory / 'ssh').mkdir(mode=0o700, exist_ok=True)
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
    _write(lab.known_hosts, ''.join(known))
    _write(lab.ssh_config, ''.join(blocks))


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


def _install_script(root: pathlib.Path, script: str, name: str) -> None:
    source = importlib.resources.files(__package__) / 'guest' / script
    _write(root / name, source.read_text(), 0o755)


def _write(path: pathlib.Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _run(lab: layout.Lab, argv: list[str]) -> None:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise exceptions.LabError(
            lab=lab.name, reason=f'{argv[0]}: {done.stderr.strip()}'
        )
