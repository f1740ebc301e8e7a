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

"""What the options say: checked, typed, with derived paths.

Works with a section of oslo.config and with Manila's ``Configuration``: both
have options as attributes.
"""

import dataclasses
import os
import re
import stat
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from oslo_config import cfg

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.conf import choices
from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.sizes import BRICK_MIN_BYTES
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import KIB
from manila_gluster_heketi.sizes import TIB
from manila_gluster_heketi.spread import Spread

_PREFIX = 'gluster_heketi_'

# Where nothing is renewed by itself, somebody has to.
_WARNING_DAYS = 30

_OPTION_NAME = re.compile(r'[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+')
# Whatever a key manager counts its secrets by; it becomes part of a URL.
_SECRET_ID = re.compile(r'[A-Za-z0-9_.-]+')
# An operator's value would open a volume, or be overwritten in silence.
_OWN_OPTIONS = frozenset(
    {
        'auth.ssl-allow',
        'client.ssl',
        'features.hard-timeout',
        'features.soft-timeout',
        'server.ssl',
        names.OPTION_AVERAGE_FILE,
        names.OPTION_DURABILITY,
        names.OPTION_SHARE_ID,
        names.OPTION_SPREAD,
        names.OPTION_TAGS,
        names.OPTION_VOLUME_ID,
    }
)

_Value = TypeVar('_Value')


@dataclasses.dataclass(frozen=True, slots=True)
class SshSettings:
    """How to log in to nodes, and how hard to try.

    :ivar control_directory: holds the sockets of open connections, 0700
    :ivar private_key: absolute path; '' lets ssh find its own
    :ivar config_file: absolute path; '' means ssh's own files
    :ivar host_key_policy: 'strict', or 'accept-new' to record first keys
    :ivar sessions_per_host: batches at once on a host
    :ivar persist_seconds: how long an idle connection is kept
    """

    control_directory: str
    known_hosts: str
    user: str = 'root'
    port: int = 22
    private_key: str = ''
    config_file: str = ''
    host_key_policy: str = 'accept-new'
    sudo: bool = False
    connect_timeout_seconds: int = 10
    keepalive_seconds: int = 3
    sessions_per_host: int = 8
    persist_seconds: int = 600


@dataclasses.dataclass(frozen=True, slots=True)
class AuthoritySettings:
    """How the certificate authority is made and kept.

    :ivar key_type: of a new one
    :ivar passphrase_file: absolute path; '' for none
    :ivar passphrase_secret: id in a key manager; '' for none
    :ivar store: where it is kept, 'files' or 'database'
    """

    key_type: str = 'ec-p256'
    passphrase_file: str = ''
    passphrase_secret: str = ''
    store: str = 'files'


@dataclasses.dataclass(frozen=True, slots=True)
class PlacementSettings:
    """Where bricks go, and how large and how many they may be.

    :ivar strategy: its name
    :ivar brick_share_percent: of an average device, before volumes are split
    :ivar volume_bricks: the most of one volume
    :ivar cluster_volumes: the most of one cluster; 0 for any number
    """

    strategy: str = 'balanced'
    brick_share_percent: int = 100
    brick_min_bytes: int = BRICK_MIN_BYTES
    brick_max_bytes: int = 4 * TIB
    volume_bricks: int = 60
    cluster_volumes: int = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class EnrolmentSettings:
    """How tenants get certificates by themselves.

    :ivar url: of the endpoint, without a slash at its end; '' for none
    :ivar hours: for which a token can be used
    """

    url: str = ''
    hours: int = 24


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The options of one backend, or of the command line.

    :ivar device_tags: an expression over tags, '' for all devices
    :ivar history_days: after which closed operations go; 0 for never
    :ivar node_renewal_days: before a node's certificate ends; 0 for never
    :ivar quota_timeouts: soft and hard, in seconds
    :ivar peer_ping_timeout: seconds; 0 leaves glusterd's file alone
    :ivar gluster_busy_timeout: seconds
    :ivar cluster_operations: at once in a cluster
    :ivar cluster: name of the one cluster to serve, '' for all
    :ivar configuration: all sections, for libraries that have their own
    """

    store_connection: str = dataclasses.field(repr=False)
    state_path: str
    history_days: int
    ca_directory: str
    authority: AuthoritySettings
    enrolment: EnrolmentSettings
    node_certificate_days: int
    node_renewal_days: int
    client_certificate_days: int
    ssh: SshSettings
    layout: str
    durability: Durability
    spread: Spread
    device_tags: str
    average_file_bytes: int
    headroom_percent: int
    volume_options: Mapping[str, str]
    quota_timeouts: tuple[int, int]
    volume_name_prefix: str
    placement_attempts: int
    placement: PlacementSettings
    cluster: str
    peer_ping_timeout: int
    gluster_busy_timeout: int
    cluster_operations: int
    configuration: cfg.ConfigOpts = dataclasses.field(
        default_factory=lambda: cfg.CONF, repr=False, compare=False
    )

    @property
    def node_warning_days(self) -> int:
        """Days before its end that people are told of a certificate."""
        longest = min(_WARNING_DAYS, self.node_certificate_days // 2)
        return self.node_renewal_days or longest

    @classmethod
    def from_group(
        cls, group: Any, configuration: cfg.ConfigOpts | None = None
    ) -> 'Settings':
        """Read the options of a section.

        Directories are looked at when they are used, not here: the first
        process to use them makes them.

        :param group: has the options as attributes
        :param configuration: what the section is of; the process's own unless
            given
        :raises InvalidConfiguration: an option has a value of no use
        :raises InsecureFile: others may read the private SSH key
        """
        options = _Options(group)
        state_path = options.path('state_path')
        return cls(
            store_connection=options.text('store_connection'),
            state_path=state_path,
            history_days=options.read('history_days'),
            ca_directory=options.path(
                'ca_directory', os.path.join(state_path, 'ca')
            ),
            authority=_authority(options),
            enrolment=EnrolmentSettings(
                url=options.word('enrolment_url', choices.enrolment_url),
                hours=options.read('enrolment_hours'),
            ),
            node_certificate_days=options.read('node_certificate_days'),
            # One that holds for less would be renewed again and again.
            node_renewal_days=min(
                options.read('node_renewal_days'),
                options.read('node_certificate_days') // 2,
            ),
            client_certificate_days=options.read('client_certificate_days'),
            ssh=_ssh(options, state_path),
            layout=options.text('layout'),
            durability=options.word('durability', choices.durability),
            spread=options.word('spread', choices.spread),
            device_tags=options.word('device_tags', choices.device_tags),
            average_file_bytes=options.read('average_file_size') * KIB,
            headroom_percent=options.read('headroom_percent'),
            volume_options=_volume_options(options),
            quota_timeouts=(
                options.read('quota_soft_timeout'),
                options.read('quota_hard_timeout'),
            ),
            volume_name_prefix=options.read('volume_name_prefix'),
            placement_attempts=options.read('placement_attempts'),
            placement=_placement(options),
            cluster=options.read('cluster'),
            peer_ping_timeout=options.read('peer_ping_timeout'),
            gluster_busy_timeout=options.read('gluster_busy_timeout'),
            cluster_operations=options.read('cluster_operations'),
            configuration=configuration or cfg.CONF,
        )


class _Options:
    """Reads options and turns every complaint into one exception."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def read(self, name: str) -> Any:
        """Read a value as oslo.config gives it."""
        try:
            return getattr(self._group, _PREFIX + name)
        except ValueError as error:
            # A cfg.ConfigFileValueError; it does not give the value away, but
            # says what is wrong with it after much that nobody wants to read.
            reason = str(error).rpartition(' is not valid: ')[2]
            raise invalid(name, '?', reason) from error

    def text(self, name: str) -> str:
        """Read a text that must not be empty."""
        value: str = self.read(name)
        if not value:
            raise invalid(name, value, 'it is empty')
        return value

    def path(self, name: str, default: str | None = None) -> str:
        """Read an absolute path; an empty one means the default."""
        value: str = self.read(name)
        if not value and default is not None:
            return default
        # A service's working directory is nobody's choice.
        if not os.path.isabs(value):
            raise invalid(name, value, 'it is not an absolute path')
        return value

    def word(self, name: str, read: Callable[[str, str], _Value]) -> _Value:
        """Read a word that means a value of the model."""
        text: str = self.read(name)
        try:
            return read(text, _PREFIX + name)
        except exceptions.InvalidInput as error:
            raise invalid(name, text, error.fields['reason']) from error


def invalid(
    name: str, value: object, reason: str
) -> exceptions.InvalidConfiguration:
    """Make the error for an option, named without its prefix."""
    return exceptions.InvalidConfiguration(
        option=_PREFIX + name, value=value, reason=reason
    )


def _placement(options: _Options) -> PlacementSettings:
    """Read the limits; each alone is within bounds already."""
    least = options.read('brick_min_size')
    most = options.read('brick_max_size')
    if least > most:
        reason = f'it is more than {_PREFIX}brick_max_size, which is {most}'
        raise invalid('brick_min_size', least, reason)
    volume_bricks = options.read('volume_bricks_max')
    durability = options.word('durability', choices.durability)
    if volume_bricks < durability.bricks_per_set:
        needed = durability.bricks_per_set
        reason = f'one set of {durability} has {needed} bricks'
        raise invalid('volume_bricks_max', volume_bricks, reason)
    return PlacementSettings(
        strategy=options.text('allocator_strategy'),
        brick_share_percent=options.read('brick_share'),
        brick_min_bytes=max(least * GIB, BRICK_MIN_BYTES),
        brick_max_bytes=most * GIB,
        volume_bricks=volume_bricks,
        cluster_volumes=options.read('cluster_volumes_max'),
    )


def _authority(options: _Options) -> AuthoritySettings:
    passphrase_file = options.path('ca_passphrase_file', '')
    secret: str = options.read('ca_passphrase_secret')
    if secret and not _SECRET_ID.fullmatch(secret):
        reason = 'it is not an id; in the URL of a secret that is what is last'
        raise invalid('ca_passphrase_secret', secret, reason)
    if secret and passphrase_file:
        reason = f'{_PREFIX}ca_passphrase_file is set too'
        raise invalid('ca_passphrase_secret', secret, reason)
    store: str = options.read('ca_store')
    if store == 'database' and not (secret or passphrase_file):
        reason = (
            f'its key needs a passphrase there: set {_PREFIX}'
            f'ca_passphrase_file or {_PREFIX}ca_passphrase_secret'
        )
        raise invalid('ca_store', store, reason)
    return AuthoritySettings(
        key_type=options.read('ca_key_type'),
        passphrase_file=passphrase_file,
        passphrase_secret=secret,
        store=store,
    )


def _ssh(options: _Options, state_path: str) -> SshSettings:
    return SshSettings(
        control_directory=os.path.join(state_path, 'ssh'),
        known_hosts=options.path(
            'ssh_known_hosts', os.path.join(state_path, 'known_hosts')
        ),
        user=options.text('ssh_user'),
        port=options.read('ssh_port'),
        private_key=_private_key(options),
        config_file=options.path('ssh_config_file', ''),
        host_key_policy=options.read('ssh_host_key_policy'),
        sudo=options.read('ssh_sudo'),
        connect_timeout_seconds=options.read('ssh_connect_timeout'),
        keepalive_seconds=options.read('ssh_keepalive_interval'),
        sessions_per_host=options.read('ssh_sessions_per_host'),
    )


def _private_key(options: _Options) -> str:
    """Look at the key before ssh does: it would only say 'denied'."""
    path = options.path('ssh_private_key', '')
    if not path:
        return ''
    try:
        status = os.stat(path)
    except OSError as error:
        raise invalid(
            'ssh_private_key', path, error.strerror or str(error)
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise invalid('ssh_private_key', path, 'it is not a file')
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise exceptions.InsecureFile(
            path=path, reason=f'its mode {mode:04o} lets others use it'
        )
    return path


def _volume_options(options: _Options) -> dict[str, str]:
    pairs: list[str] = options.read('volume_options')
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, value = (part.strip() for part in pair.partition('='))
        if not (_OPTION_NAME.fullmatch(name) and value):
            raise invalid('volume_options', pair, 'it is not name=value')
        if name in _OWN_OPTIONS:
            raise invalid('volume_options', pair, 'it is set by the driver')
        if name in found:
            raise invalid('volume_options', pair, 'it is there twice')
        found[name] = value
    return found
