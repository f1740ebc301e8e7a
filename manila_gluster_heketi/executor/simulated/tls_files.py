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

"""What the scripts about a node's key and certificate do."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from manila_gluster_heketi.executor.simulated.filesystem import Namespace
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import failed


def keep(space: Namespace, directory: str, kept: str, *names: str) -> Outcome:
    """Do what the script of tls_files.keep does."""
    root = space.root
    path = f'{directory}/{kept}'
    if root.trouble:
        return failed(
            1, f"mkdir: cannot create directory '{path}.new': {root.trouble}"
        )
    _drop(space, path)
    root.make_directories(path)
    for name in names:
        if f'{directory}/{name}' in root.files:
            root.put(f'{path}/{name}', root.files[f'{directory}/{name}'])
    root.sync()
    return DONE


def restore(
    space: Namespace, directory: str, kept: str, *names: str
) -> Outcome:
    """Do what the script of tls_files.restore does; it needs no room."""
    root = space.root
    if root.is_read_only:
        return failed(
            1,
            f"ln: failed to create hard link '{directory}/{names[0]}.old': "
            + root.trouble,
        )
    for name in names:
        old = root.files.get(f'{directory}/{kept}/{name}')
        if old is None:
            root.take(f'{directory}/{name}')
        else:
            root.put(f'{directory}/{name}', old)
    root.sync()
    return DONE


def discard(space: Namespace, directory: str, kept: str) -> Outcome:
    """Do what the script of tls_files.discard does."""
    path = f'{directory}/{kept}'
    if space.root.is_read_only and space.root.exists(path):
        return failed(1, f"rm: cannot remove '{path}': {space.root.trouble}")
    _drop(space, path)
    space.root.sync()
    return DONE


def _drop(space: Namespace, path: str) -> None:
    root = space.root
    for each in [f for f in root.files if f.startswith(f'{path}/')]:
        root.take(each)
    if root.is_directory(path):
        root.remove_directory(path)


def stat(space: Namespace, argv: tuple[str, ...]) -> Outcome:
    """Print mode and owner of a file, who is root."""
    if argv[1:5] != ('-L', '-c', '%a %u', '--'):
        raise UnknownCommand(argv)
    filesystem, inner = space.resolve(argv[5])
    return Outcome(stdout=f'{filesystem.files[inner].mode:o} 0\n')


def openssl(space: Namespace, argv: tuple[str, ...]) -> Outcome:
    """Print the public part of a private key, or a certificate."""
    path = argv[3]
    text = space.root.files[path].content.encode()
    if argv[1:3] == ('pkey', '-in') and argv[4:] == ('-pubout',):
        return _public_key(path, text)
    if argv[1:3] == ('x509', '-in') and not argv[4:]:
        return _certificate(path, text)
    raise UnknownCommand(argv)


def _public_key(path: str, text: bytes) -> Outcome:
    try:
        key = serialization.load_pem_private_key(text, None)
    except ValueError:
        return failed(1, f'Could not read key from {path}')
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return Outcome(stdout=public.decode())


def _certificate(path: str, text: bytes) -> Outcome:
    try:
        found = x509.load_pem_x509_certificate(text)
    except ValueError:
        return failed(1, f'Could not read certificate from {path}')
    written = found.public_bytes(serialization.Encoding.PEM)
    return Outcome(stdout=written.decode())
