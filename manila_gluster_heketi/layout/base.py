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

"""The contract between a share driver and a layout.

A layout decides what a share is in Gluster; a driver decides how tenants
reach it. Layouts are plugins of the namespace
``manila_gluster_heketi.layouts``.
"""

import abc
import dataclasses
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

Share = Mapping[str, Any]
ExportLocation = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class AccessChange:
    """What one update of access rules wants.

    :ivar names: who shall have access afterwards, or None to change only
        by ``add`` and ``remove``
    """

    add: Collection[str] = ()
    remove: Collection[str] = ()
    names: Collection[str] | None = None


class Layout(abc.ABC):
    """Makes, sizes and removes the storage of shares.

    All methods may be called by many threads at once, and again after a
    failure. They raise exceptions of Manila.
    """

    @abc.abstractmethod
    def setup(self) -> None:
        """Prepare; called in the service process, perhaps repeatedly."""

    @abc.abstractmethod
    def create_share(
        self, share: Share, extra_specs: Mapping[str, str]
    ) -> list[ExportLocation]:
        """Make the storage of a share, or find what was made before."""

    @abc.abstractmethod
    def delete_share(self, share: Share) -> None:
        """Remove the storage of a share; it may never have come to be."""

    @abc.abstractmethod
    def extend_share(self, share: Share, new_size: int) -> None:
        """Let a share hold ``new_size`` GiB."""

    @abc.abstractmethod
    def shrink_share(self, share: Share, new_size: int) -> None:
        """Let a share hold no more than ``new_size`` GiB."""

    @abc.abstractmethod
    def ensure_shares(
        self, shares: Sequence[Share]
    ) -> dict[str, dict[str, Any]]:
        """Say where shares are exported now, by share instance."""

    @abc.abstractmethod
    def change_access(self, share: Share, change: AccessChange) -> None:
        """Change who may mount a share."""

    @abc.abstractmethod
    def access_keys(
        self, share: Share, names: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Give what tenants need beside a rule, by rule; not all have any.

        :param names: of rules that the share lets in now, by rule
        """

    @abc.abstractmethod
    def refused_names(
        self, share: Share, change: AccessChange
    ) -> Mapping[str, str]:
        """Say which of the names that a change adds can't be let in, and why.

        :param change: each of its names is one that could be let in
        """

    @abc.abstractmethod
    def pools(self) -> list[dict[str, Any]]:
        """Report the pools, in the words of Manila's scheduler."""

    @abc.abstractmethod
    def backend_info(self) -> dict[str, str]:
        """Say what export locations depend on.

        A change makes Manila ask :meth:`ensure_shares` again.
        """
