"""`python -m simulator`: the local Bot API and the chat page until Ctrl-C."""

import argparse
import asyncio
import signal
import sys

from simulator.clock import read_instant
from simulator.errors import SimError
from simulator.server import bind, read_roster, serving


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="of the Bot API (default 8081)")
    parser.add_argument(
        "--page-port", type=int, default=8090, help="of the chat page and /sim (default 8090)"
    )
    parser.add_argument("--token", default="1:demo", help="the bot's token (default 1:demo)")
    parser.add_argument("--people", metavar="FILE", help="JSON: the people and groups of the page")
    parser.add_argument("--operator", metavar="URL", default="", help="who carries out the day's buttons")
    parser.add_argument("--clock", metavar="ISO", help="start of the business time, e.g. 2026-08-18T15:30")
    parser.add_argument("--bot-name", default="期服")
    parser.add_argument("--bot-username", default="QifuBot")
    parser.add_argument(
        "--strict",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="refuse what is faster than Telegram allows (default)",
    )
    return parser.parse_args()


async def serve(arguments: argparse.Namespace) -> None:
    """Run until a signal comes."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    roster = await asyncio.to_thread(read_roster, arguments.people) if arguments.people else None
    sockets = [bind(arguments.port), bind(arguments.page_port)]
    async with serving(
        sockets,
        arguments.token,
        arguments.strict,
        read_instant(arguments.clock) if arguments.clock else None,
        roster,
        arguments.operator,
        arguments.bot_name,
        arguments.bot_username,
    ):
        api, page = (sock.getsockname()[1] for sock in sockets)
        sys.stdout.write(f"Bot API http://127.0.0.1:{api}  chat page http://127.0.0.1:{page}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Exit code: 0 after a signal, 1 with a sentence on standard error."""
    try:
        asyncio.run(serve(read_arguments()))
    except (OSError, ValueError, SimError) as problem:
        sys.stderr.write(f"simulator: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
