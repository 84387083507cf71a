"""A node as a process of its own, alone with its last desired state: ``node_runner.py FOLDER``. Ends in order on SIGTERM."""

import asyncio
import signal
import sys

from khue.model.time import SystemClock
from khue.node.config import NodeConfig
from khue.node.service import Node
from khue.wire.link import ProbeReply, ProbeRequest


async def _no_probe(_: ProbeRequest) -> ProbeReply:
    return ProbeReply()


async def main(folder: str) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    node = Node(NodeConfig(id="n1", data=folder, workers=2, capacity=100), None, SystemClock(), _no_probe, "test")
    await node.start()
    await stopping.wait()
    await node.stop()


asyncio.run(main(sys.argv[1]))
