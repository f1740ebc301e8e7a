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

"""The first content of a guest's state disk.

A guest's root is this host's tree, read-only, under an overlay whose upper
directory is on the state disk. So that content is what shall differ from
this host: accounts, keys, configuration, and what shall not be seen.
"""

import importlib.resources
import os
import pathlib
import shutil
import stat

from manila_gluster_heketi.lab import layout

#: Users that log in with the lab's key, beside root.
USERS = ('operator', 'nosudo')

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
# Hooks of glusterd that have nothing to do on a node: there is no SELinux, no
# Samba, CTDB or Ganesha, and nobody asks for what the others are for.
_IDLE_HOOKS = (
    'S10selinux-*',
    'S29CTDB*',
    'S30samba-*',
    'S31ganesha-*',
    'S32gluster_enable_shared_storage*',
    'S56glusterd-geo-rep-*',
    'S57glusterfind-*',
)
# From guest/ in this package: where it goes, and its mode.
_INSTALLED = {
    'lvmlocal.conf': ('etc/lvm/lvmlocal.conf', 0o644),
    'main': ('usr/local/lib/gluster-heketi-lab/main', 0o755),
    'nsswitch.conf': ('etc/nsswitch.conf', 0o644),
    'pam_sudo': ('etc/pam.d/sudo', 0o644),
    'sshd_config': ('etc/ssh/sshd_config', 0o644),
    'sudoers': ('etc/sudoers', 0o440),
    'systemctl': ('usr/local/sbin/systemctl', 0o755),
}
_SYMLINKS = {
    # root's PATH has sbin first, that of others lacks it.
    'usr/local/bin/systemctl': '../sbin/systemctl',
    'usr/lib/ssl/certs': '/etc/ssl/certs',
    'usr/lib/ssl/openssl.cnf': '/etc/ssl/openssl.cnf',
    'usr/lib/ssl/private': '/etc/ssl/private',
}


def fill(
    tree: pathlib.Path,
    lab: layout.Lab,
    node: layout.LabNode,
    host_key: pathlib.Path,
) -> None:
    """Write the content of ``node``'s state disk into the directory ``tree``.

    :param host_key: private key of its sshd; the public one is beside it
    """
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
    if not lab.spec.idle_hooks:
        _remove_idle_hooks(root / 'var/lib/glusterd/hooks')
    for script, (name, mode) in _INSTALLED.items():
        install_script(script, root / name, mode)
    _write_links(root)
    _write_host_key(root, host_key)
    _write_names(lab, node, root)
    _write_accounts(root)
    _write_homes(tree, lab.identity_file.with_suffix('.pub').read_text())


def install_script(script: str, target: pathlib.Path, mode: int) -> None:
    """Copy a file of this package's ``guest`` directory."""
    source = importlib.resources.files(__package__) / 'guest' / script
    write(target, source.read_text(), mode)


def write(path: pathlib.Path, text: str, mode: int = 0o644) -> None:
    """Write a file, and make its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _copy_from_host(root: pathlib.Path) -> None:
    for name in _COPIED:
        source = pathlib.Path('/', name)
        if source.is_dir():
            shutil.copytree(source, root / name, symlinks=True)
        elif source.exists():
            shutil.copy2(source, root / name)


def _remove_idle_hooks(hooks: pathlib.Path) -> None:
    for pattern in _IDLE_HOOKS:
        for hook in hooks.rglob(pattern):
            hook.unlink()


def _write_links(root: pathlib.Path) -> None:
    for name, target in _SYMLINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    (root / 'etc/ssl/certs').mkdir()
    (root / 'etc/ssl/private').mkdir(mode=0o700)


def _write_host_key(root: pathlib.Path, host_key: pathlib.Path) -> None:
    target = root / 'etc/ssh/ssh_host_ed25519_key'
    write(target, host_key.read_text(), 0o600)
    public = host_key.with_suffix('.pub')
    write(target.with_suffix('.pub'), public.read_text())


def _write_names(
    lab: layout.Lab, node: layout.LabNode, root: pathlib.Path
) -> None:
    hosts = ['127.0.0.1 localhost', f'{lab.controller_address} controller']
    hosts += [f'{peer.address} {peer.name}' for peer in lab.nodes]
    write(root / 'etc/hosts', '\n'.join(hosts) + '\n')
    write(root / 'etc/hostname', node.name + '\n')
    write(root / 'etc/resolv.conf', '')
    write(root / 'etc/fstab', '')


def _write_accounts(root: pathlib.Path) -> None:
    """Write the account files: this host's system users, and ours.

    A password field of ``*`` admits no password; with ``!``, an account
    that is locked, sshd without PAM would refuse keys too.
    """
    users = _system_entries('/etc/passwd', 'nobody')
    groups = _system_entries('/etc/group', 'nogroup')
    for uid, name in enumerate(USERS, _FIRST_UID):
        users.append(f'{name}:x:{uid}:{uid}::/home/{name}:/bin/bash')
        groups.append(f'{name}:x:{uid}:')
    names = [line.partition(':')[0] for line in users]
    shadow = [f'{name}:*:19000:0:99999:7:::' for name in names]
    write(root / 'etc/passwd', '\n'.join(users) + '\n')
    write(root / 'etc/group', '\n'.join(groups) + '\n')
    write(root / 'etc/shadow', '\n'.join(shadow) + '\n', 0o600)


def _system_entries(path: str, nobody: str) -> list[str]:
    lines = pathlib.Path(path).read_text().splitlines()
    return [
        line
        for line in lines
        if (int(line.split(':')[2]) < 1000 or line.startswith(f'{nobody}:'))
        # "operator" is a group of Debian; here it is a user's.
        and line.partition(':')[0] not in USERS
    ]


def _write_homes(tree: pathlib.Path, admitted: str) -> None:
    homes = [(tree / 'root', 0)]
    homes += [
        (tree / 'home' / name, uid)
        for uid, name in enumerate(USERS, _FIRST_UID)
    ]
    for home, uid in homes:
        keys = home / '.ssh' / 'authorized_keys'
        write(keys, admitted, 0o600)
        for path in (home, home / '.ssh'):
            path.chmod(0o700)
        for path in (home, home / '.ssh', keys):
            os.chown(path, uid, uid)
