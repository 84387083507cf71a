"""A recorder worker as a process: ``python -m khue.node CONFIG FD`` (the node's main process starts it so)."""

import sys

import msgspec

from khue.node.worker import WorkerConfig, main

if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=WorkerConfig), int(sys.argv[2]))
