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

"""Where the certificate and key of an authority are kept."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import authorities
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import successor_files

_FIRST_GENERATION = 1


class Place(Protocol):
    """One that can hold the pair of an authority.

    :ivar name: what errors call it
    """

    @property
    def name(self) -> str: ...

    def read(self) -> keystore.Pair:
        """Read the pair.

        :raises TlsError: there is none, or it is not kept as it must be
        """

    def read_or_create(
        self, make: Callable[[], keystore.Pair]
    ) -> tuple[keystore.Pair, bool]:
        """Read the pair; make one if there is none.

        Of all that come at the same time one makes it, the others read it.

        :return: the pair, and whether it was made by this call
        :raises TlsError: it is not kept as it must be, or can't be written
        """

    def create(self, pair: keystore.Pair) -> None:
        """Keep a pair where there is none.

        :raises AuthorityExists: there is one
        :raises TlsError: it can't be written
        """

    def read_next(self) -> keystore.Pair | None:
        """Read the pair that is to take the place of the other, if any.

        :raises TlsError: it is not kept as it must be
        """

    def create_next(self, pair: keystore.Pair) -> None:
        """Keep a pair beside the other one.

        :raises AuthorityExists: there is one beside it
        :raises TlsError: it can't be written
        """

    def promote(self) -> None:
        """Put the pair beside in the place of the other, which is gone then.

        If there is none beside, nothing happens.

        :raises TlsError: it can't be written
        """

    def discard_next(self) -> None:
        """Remove the pair beside the other one, if there is one.

        :raises TlsError: it can't be removed
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Directory:
    """Two files, for all processes that see the directory."""

    name: str

    def read(self) -> keystore.Pair:
        """Read the pair."""
        return keystore.read(self.name)

    def read_or_create(
        self, make: Callable[[], keystore.Pair]
    ) -> tuple[keystore.Pair, bool]:
        """Read the pair; make one if there is none."""
        return keystore.read_or_create(self.name, make)

    def create(self, pair: keystore.Pair) -> None:
        """Keep a pair where there is none."""
        keystore.create(self.name, pair)

    def read_next(self) -> keystore.Pair | None:
        """Read the pair that is to take the place of the other, if any."""
        return successor_files.read(self.name)

    def create_next(self, pair: keystore.Pair) -> None:
        """Keep a pair beside the other one."""
        successor_files.create(self.name, pair)

    def promote(self) -> None:
        """Put the pair beside in the place of the other."""
        successor_files.promote(self.name)

    def discard_next(self) -> None:
        """Remove the pair beside the other one."""
        successor_files.discard(self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Database:
    """The store, for all hosts; a key is there encrypted or not at all."""

    store: Store

    @property
    def name(self) -> str:
        """The store's URL, without its password."""
        return self.store.url

    def read(self) -> keystore.Pair:
        """Read the pair."""
        found = self._find()
        if found is None:
            raise self._error('there is none; it is made at first use')
        return found

    def read_or_create(
        self, make: Callable[[], keystore.Pair]
    ) -> tuple[keystore.Pair, bool]:
        """Read the pair; make one if there is none."""
        found = self._find()
        if found is not None:
            return found, False
        # It takes too long to be made in a transaction; of several that are
        # made at the same time the first one on record is the one.
        pair = make()
        try:
            self.create(pair)
        except exceptions.AuthorityExists:
            return self.read(), False
        return pair, True

    def create(self, pair: keystore.Pair) -> None:
        """Keep a pair where there is none."""
        self._add(_FIRST_GENERATION, pair)

    def read_next(self) -> keystore.Pair | None:
        """Read the pair that is to take the place of the other, if any."""
        _, *others = self._all()
        return self._pair(others[0]) if others else None

    def create_next(self, pair: keystore.Pair) -> None:
        """Keep a pair beside the other one."""
        first, *others = self._all()
        if others:
            raise exceptions.AuthorityExists(path=self.name)
        self._add(first.generation + 1, pair)

    def promote(self) -> None:
        """Put the pair beside in the place of the other."""

        def promote(tx: WriteTransaction) -> None:
            for each in authorities.all(tx)[:-1]:
                authorities.remove(tx, each.generation)

        self.store.transact(promote)

    def discard_next(self) -> None:
        """Remove the pair beside the other one."""

        def discard(tx: WriteTransaction) -> None:
            for each in authorities.all(tx)[1:]:
                authorities.remove(tx, each.generation)

        self.store.transact(discard)

    def _add(self, generation: int, pair: keystore.Pair) -> None:
        new = model.StoredAuthority(
            generation=generation,
            certificate_pem=pair.certificate_pem,
            key_pem=self._sealed(pair).key_pem,
            created_at=policy.now(),
        )
        try:
            self.store.transact(lambda tx: authorities.add(tx, new))
        except exceptions.Conflict as conflict:
            raise exceptions.AuthorityExists(path=self.name) from conflict

    def _all(self) -> tuple[model.StoredAuthority, ...]:
        with self.store.read() as tx:
            return authorities.all(tx)

    def _find(self) -> keystore.Pair | None:
        found = self._all()
        return self._pair(found[0]) if found else None

    def _pair(self, kept: model.StoredAuthority) -> keystore.Pair:
        return self._sealed(keystore.Pair(kept.certificate_pem, kept.key_pem))

    def _sealed(self, pair: keystore.Pair) -> keystore.Pair:
        """Give back a pair whose key is encrypted.

        Whoever can read the store, or a copy of it, would have the key.
        """
        if not keys.is_encrypted(pair.key_pem):
            raise self._error('a key in the store must be encrypted')
        return pair

    def _error(self, reason: str) -> exceptions.TlsError:
        return exceptions.TlsError(path=self.name, reason=reason)
