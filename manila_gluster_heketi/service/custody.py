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

"""The certificate authority: where it is, and what may be done to it."""

import os

from oslo_log import log

from manila_gluster_heketi import model
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.store import rotations
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.tls import description
from manila_gluster_heketi.tls import encryption
from manila_gluster_heketi.tls import imported
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import passphrases
from manila_gluster_heketi.tls import places
from manila_gluster_heketi.tls import standing
from manila_gluster_heketi.tls import successor_files
from manila_gluster_heketi.tls.ca import Authority

LOG = log.getLogger(__name__)


class Custody:
    """The authority of a control plane, as its options say; threads may."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._cached: tuple[model.Rotation | None, Authority] | None = None

    def current(self) -> Authority:
        """Give the authority that signs now; the first is made at first use.

        It is read again when a rotation has come to another phase, whoever
        brought it there.

        :raises AuthorityElsewhere: it is not kept here
        :raises TlsError: it can't be read or made, or has expired
        """
        rotation = self.rotation()
        cached = self._cached
        if cached is None or cached[0] != rotation:
            cached = self._cached = (rotation, self._read(rotation))
        return cached[1]

    def _read(self, rotation: model.Rotation | None) -> Authority:
        if rotation is not None:
            return standing.authority(self.place(), self.passphrase, rotation)
        return Authority.load_or_create(
            self.place(), self.passphrase, self.key_type
        )

    def existing(self) -> Authority:
        """Give the authority as it is kept now; none is made.

        :raises AuthorityElsewhere: it is not kept here
        :raises TlsError: there is none, it can't be read or has expired
        """
        rotation = self.rotation()
        if rotation is not None:
            return self._read(rotation)
        return Authority.load(self.place(), self.passphrase)

    def rotation(self) -> model.Rotation | None:
        """Give the last rotation, whether it has ended or not."""
        with self._store.read() as tx:
            return rotations.latest(tx)

    @property
    def key_type(self) -> keys.KeyType:
        """What key a new authority gets."""
        return keys.KeyType(self._settings.authority.key_type)

    def describe(self) -> description.Description:
        """Describe the authority; none is made.

        :raises TlsError: there is none, or its certificate is spoilt
        """
        return description.describe(self.place())

    def take_over(
        self, certificate: str, key: str, chain: str = ''
    ) -> description.Description:
        """Keep an operator's own authority, from files, where there is none.

        :param certificate: file that begins with its certificate
        :param key: file with its key, in the clear or encrypted with the
            passphrase that is configured
        :param chain: file with the certificates above it
        :raises AuthorityExists: there is one; it stays
        :raises InsecureFile: others may read the key
        :raises InvalidInput: names the file and what is wrong with it
        :raises TlsError: it can't be written
        """
        self.place().create(
            imported.read(certificate, key, chain, self.passphrase())
        )
        found = self.describe()
        if found.above:
            LOG.warning(
                'nodes trust all that is below %s: whoever has a certificate '
                'from any authority there can mount what its name may',
                found.above[-1],
            )
        return found

    def encrypt(self) -> description.Description:
        """Encrypt the key with the passphrase, unless it is already.

        :raises PassphraseError: there is no passphrase, or it is encrypted
            with another one
        :raises TlsError: there is none, or it can't be written; it is as it
            was
        """
        if self._settings.authority.store == 'database':
            # There it is encrypted, or could not be read.
            self.existing()
        else:
            directory = self._settings.ca_directory
            encryption.encrypt(directory, self.passphrase())
            if successor_files.read(directory) is not None:
                encryption.encrypt(
                    os.path.join(directory, successor_files.DIRECTORY),
                    self.passphrase(),
                )
        return self.describe()

    def place(self) -> places.Place:
        """Say where it is kept."""
        if self._settings.authority.store == 'database':
            return places.Database(self._store)
        return places.Directory(self._settings.ca_directory)

    def passphrase(self) -> bytes | None:
        """Get the passphrase; None if none is configured.

        :raises InsecureFile: others may read its file, or it can't be read
        :raises InvalidConfiguration: it can't be used
        :raises KeyManagerError: the key manager does not give it to us
        """
        options = self._settings.authority
        if options.passphrase_file:
            return passphrases.from_file(options.passphrase_file)
        if options.passphrase_secret:
            return passphrases.from_key_manager(
                options.passphrase_secret, self._settings.configuration
            )
        return None
