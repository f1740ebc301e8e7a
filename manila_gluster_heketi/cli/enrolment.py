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

"""``gluster-heketi enrolment``: the operator's side of ``enroll``."""

import argparse
import contextlib
import logging
import signal
import urllib.parse

from cliff import command
from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.api.enrolment import Application
from manila_gluster_heketi.api.server import Server
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.layout import recoverer
from manila_gluster_heketi.tls import policy

LOG = logging.getLogger(__name__)

_HTTPS = 443
_PORTS = range(1, 65536)


class Serve(command.Command):
    """Serve the endpoint at which tenants' machines get certificates.

    It runs until it gets SIGTERM or SIGINT. Its certificate is of the
    authority, for the host in gluster_heketi_enrolment_url, and is renewed by
    itself. Any number may serve the same URL from different hosts.

    Like manila-share it recovers what others left half-way, and renews
    certificates of nodes, from the start on.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask where to listen."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--listen',
            metavar='ADDRESS:PORT',
            default='',
            help='default: all addresses, and the port of the URL',
        )
        parser.add_argument(
            '--no-recovery',
            action='store_true',
            help='leave the nodes to other processes: for a host that can '
            'not log in there',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Serve until a signal comes."""
        service = configured.service_for(self.app)
        url = _url(service.settings)
        address = _address(parsed_args.listen, url.port or _HTTPS)
        host = url.hostname or ''
        server = Server(
            address,
            Application(service),
            lambda: service.enrolment.endpoint_certificate(host),
            service.enrolment.authority_pem,
        )
        try:
            server.prepare()
        except OSError as error:
            raise exceptions.InvalidInput(
                field='--listen',
                value=f'{address[0]}:{address[1]}',
                reason=error.strerror or str(error),
            ) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        LOG.warning('enrolment is served on %s port %d', *address)
        with contextlib.ExitStack() as at_end:
            at_end.callback(server.stop)
            if not parsed_args.no_recovery:
                at_end.callback(recoverer.start(service).stop)
            with contextlib.suppress(SystemExit):
                server.serve()


class List(lister.Lister):
    """List the access keys that were given, the oldest first.

    The keys themselves are not on record.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each."""
        service = configured.service_for(self.app)
        return (
            ('Share', 'Common Name', 'Issued', 'Expires', 'State', 'Serial'),
            [
                (
                    each.share_id,
                    each.common_name,
                    each.issued_at.isoformat(timespec='seconds'),
                    each.expires_at.isoformat(timespec='seconds'),
                    _state(each),
                    each.serial,
                )
                for each in service.enrolment.listed()
            ],
        )


class Grant(command.Command):
    """Print a further access key for a name that a share lets in.

    For a tenant whose certificate ends: unlike a new access rule it cuts off
    nobody. Whoever has it can get a certificate of that name.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for whom it is."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'share',
            metavar='SHARE',
            help='id of the share instance, as "volume list" shows it',
        )
        parser.add_argument(
            'common_name', metavar='CN', help='the common name of a client'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print it, and nothing else."""
        service = configured.service_for(self.app)
        token = service.enrolment.grant(
            parsed_args.share, parsed_args.common_name
        )
        self.app.stdout.write(f'{token}\n')


def _stop(number: int, frame: object) -> None:
    # It gets out of wherever the thread is that accepts connections.
    raise SystemExit


def _state(given: model.Enrolment) -> str:
    if given.voided_at is not None:
        return 'withdrawn'
    if given.used_at is not None:
        return 'used'
    return 'expired' if given.expires_at <= policy.now() else 'open'


def _url(settings: Settings) -> urllib.parse.SplitResult:
    if not settings.enrolment.url:
        raise exceptions.InvalidConfiguration(
            option='gluster_heketi_enrolment_url',
            value='',
            reason='it is empty, so that nobody can enrol',
        )
    return urllib.parse.urlsplit(settings.enrolment.url)


def _address(text: str, port: int) -> tuple[str, int]:
    """Read where to listen.

    :raises InvalidInput: it is no ADDRESS:PORT
    """
    if not text:
        return '::', port
    host, _, number = text.rpartition(':')
    if not number.isdecimal() or int(number) not in _PORTS:
        raise exceptions.InvalidInput(
            field='--listen', value=text, reason='it is no ADDRESS:PORT'
        )
    return host.strip('[]') or '::', int(number)
