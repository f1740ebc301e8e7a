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

"""The command that plays scenarios."""

import argparse
import dataclasses
import json
import os
import time

from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import strategies
from manila_gluster_heketi.simulator import play
from manila_gluster_heketi.simulator import plot
from manila_gluster_heketi.simulator import scenario as scenarios


class Simulate(lister.Lister):
    """Play a scenario on a cluster that does not exist.

    Shows after each round how full and how level the cluster is. Nothing
    is read but the scenario, and no host is touched.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the scenario."""
        parser = super().get_parser(prog_name)
        parser.add_argument('scenario', help='a JSON file')
        parser.add_argument(
            '--strategy',
            metavar='NAME',
            action='append',
            help='how to place, may be given again; '
            f'default: {strategies.DEFAULT}; '
            f'known are {", ".join(strategies.known())}',
        )
        parser.add_argument(
            '--seeds',
            metavar='N',
            type=_positive,
            default=1,
            help="play N times, from the scenario's seed on",
        )
        parser.add_argument(
            '--json', metavar='FILE', help='write all figures there too'
        )
        parser.add_argument('--svg', metavar='FILE', help='draw a plot there')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Play it and list a row for each round."""
        scenario = scenarios.parse(_read(parsed_args.scenario))
        names = dict.fromkeys(parsed_args.strategy or [strategies.DEFAULT])
        figures = [
            each
            for name in names
            for seed in range(parsed_args.seeds)
            for each in play.play(
                scenario, name, scenario.seed + seed, time.perf_counter
            )
        ]
        rows = [dataclasses.asdict(each) for each in figures]
        if parsed_args.json:
            _write(parsed_args.json, json.dumps(rows, indent=1) + '\n')
        if parsed_args.svg:
            title = os.path.basename(parsed_args.scenario)
            _write(parsed_args.svg, plot.svg(title, figures))
        columns = tuple(f.name for f in dataclasses.fields(play.Figures))
        return columns, [
            tuple(
                round(value, 4) if isinstance(value, float) else value
                for value in row.values()
            )
            for row in rows
        ]


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1000:
        raise ValueError(text)
    return number


def _read(path: str) -> str:
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable('scenario', path, error) from error


def _write(path: str, text: str) -> None:
    try:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
    except OSError as error:
        raise _unusable('output', path, error) from error


def _unusable(
    field: str, path: str, error: Exception
) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(field=field, value=path, reason=str(error))
