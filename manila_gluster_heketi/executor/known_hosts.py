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

"""The file of host keys that OpenSSH checks against.

ssh itself records the key that it sees first; the store keeps a copy, so that
another controller on the same store knows it too.
"""

import base64
import hashlib
import os
from collections.abc import Iterable

from oslo_concurrency import lockutils


def line_of(path: str, host: str, port: int = 22) -> str:
    """Find the line on record for a host; '' if there is none."""
    name = name_in_file(host, port)
    for line in _lines(path):
        if len(line.split()) >= 3 and name in _names(line):
            return line
    return ''


def name_in_file(host: str, port: int) -> str:
    """Write a host as known_hosts does, sshd(8)."""
    return host if port == 22 else f'[{host}]:{port}'


def fingerprint(line: str) -> str:
    """Write a key's fingerprint as ``ssh-keygen -l`` does."""
    key = base64.b64decode(line.split()[2])
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return 'SHA256:' + digest.rstrip('=')


def ensure(path: str, lines: Iterable[str]) -> None:
    """Add the lines whose host is not in the file yet.

    A host that is in the file keeps its line: if it is another key, ssh
    shall refuse the host, and a person shall decide.
    """
    with lockutils.lock(path):
        known = {n for line in _lines(path) for n in _names(line)}
        missing = [line for line in lines if not known & _names(line)]
        if not missing:
            return
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, 'a+', encoding='utf-8') as file:
            file.seek(0)
            # Whoever edits the file may leave its last line open.
            gap = '\n' if file.read()[-1:] not in ('', '\n') else ''
            file.write(gap + ''.join(f'{line}\n' for line in missing))


def _names(line: str) -> set[str]:
    return set(line.split()[0].split(','))


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding='utf-8') as file:
            return [s for s in map(str.strip, file) if s and s[0] != '#']
    except FileNotFoundError:
        return []
