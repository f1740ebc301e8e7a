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

"""Errors of the store (5xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError


class StoreError(GlusterHeketiError):
    """The database did not do what was asked."""

    code = 'MGH-500'
    template = 'store {url}: {reason}.'
    action = 'Check the database and the permission to write it.'
    http_status = 503


class StoreTooNew(StoreError):
    """A newer release wrote this database."""

    code = 'MGH-501'
    template = 'store {url} has schema {found!r}, unknown to this release.'
    action = 'Use the release that wrote it, or a newer one.'


class StaleGeneration(StoreError):
    """The cluster changed between reading and writing; retried in vain."""

    code = 'MGH-502'
    template = 'cluster {cluster} was changed by others {attempts} times.'
    action = 'Try again.'
    http_status = 409


class StoreBusy(StoreError):
    """Others changed the same rows at the same time; nothing is on record."""

    code = 'MGH-503'
    template = 'store {url} is too busy: {reason}.'
    action = 'Try again; nothing was changed.'


class StoreLost(StoreError):
    """The database server can't be reached, or went away."""

    code = 'MGH-504'
    template = 'store {url} can not be reached: {reason}.'
    action = 'Check the database server and the network to it.'


class CommitUncertain(StoreLost):
    """The server went away while it committed: it may have, or not."""

    code = 'MGH-505'
    template = (
        'store {url} was lost at a commit, which may be on record or not: '
        '{reason}.'
    )
    action = 'Look at what is on record when the server is back.'


class StoreNotEmpty(StoreError):
    """An import would mix two stores."""

    code = 'MGH-506'
    template = 'store {url} is not empty: it has {table}.'
    action = 'Import into a new database, or replace what is there by --force.'


class NoFileToCopy(StoreError):
    """A server's databases are not ours to copy."""

    code = 'MGH-507'
    template = 'store {url} is on a database server; {tool} makes its backups.'
    action = 'Use that, or "gluster-heketi db export".'


class StoreInUse(StoreError):
    """The store holds something already."""

    code = 'MGH-520'
    template = 'store {url} can not be rebuilt: {reason}.'
    action = 'Name a new database, or remove what is in this one.'
    http_status = 409


class RebuildRefused(StoreError):
    """What the nodes say is not clear enough to be written down."""

    code = 'MGH-521'
    template = 'store {url} was not rebuilt: {count} problems were found.'
    action = (
        'Mend what is named, or leave it out with --leave-out; nothing was '
        'written.'
    )
    http_status = 409
