import asyncio
import contextlib
import gc
import json
import socket

from tests.unit.ovsdb.machine import Machine
from vswitch.ovsdb.host import TOLD_AT_ONCE
from vswitch.ovsdb.session import Session
from vswitch.ovsdbserver.clients import Connection, Pump


class Client:
    """The other end of a connection."""

    def __init__(self, ours):
        ours.setblocking(False)
        self.socket = ours
        self.loop = asyncio.get_running_loop()
        self.decoder = json.JSONDecoder()
        self.rest = ""

    async def send(self, method, *params, id=0):
        message = {"method": method, "params": params, "id": id}
        await self.loop.sock_sendall(self.socket, json.dumps(message).encode())

    async def heard(self):
        """The next message."""
        while True:
            with contextlib.suppress(ValueError):
                message, end = self.decoder.raw_decode(self.rest)
                self.rest = self.rest[end:]
                return message
            data = await asyncio.wait_for(self.loop.sock_recv(self.socket, 1 << 16), 10)
            assert data
            self.rest += data.decode()


async def connected(pump):
    theirs, ours = socket.socketpair()
    theirs.setblocking(False)
    await pump.loop.connect_accepted_socket(lambda: Connection(pump, name="unix"), theirs)
    return Client(ours)


def insert(name):
    return {"op": "insert", "table": "A", "row": {"name": name}}


def test_many_are_told_in_several_rounds_without_anything_else_happening():
    async def run():
        pump = Pump(Machine().server)
        clients = [await connected(pump) for _ in range(3 * TOLD_AT_ONCE + 1)]
        for client in clients:
            await client.send("monitor_cond", "T", "m", {"A": [{"columns": ["name"]}]})
            await client.heard()
        await clients[-1].send("transact", "T", insert("a"), id=7)
        for client in clients:
            message = await client.heard()
            assert message["method"] == "update2"
        assert (await clients[-1].heard())["id"] == 7
        for client in clients:
            client.socket.close()
        pump.close_all()
        await asyncio.sleep(0)

    asyncio.run(run())


def test_who_does_not_read_is_told_the_sum_when_it_does():
    async def run():
        pump = Pump(Machine().server)
        reader, writer = await connected(pump), await connected(pump)
        await reader.send("monitor_cond", "T", "m", {"A": [{"columns": ["name"]}]})
        await reader.heard()
        name = "x" * 4000
        for number in range(300):
            await writer.send("transact", "T", insert(f"{number}{name}"))
            assert (await writer.heard())["error"] is None
        n_messages = n_rows = 0
        while n_rows < 300:
            n_rows += len((await reader.heard())["params"][1]["A"])
            n_messages += 1
        assert n_rows == 300
        assert n_messages < 200  # of 1.2 MB, of which the kernel takes 0.2
        reader.socket.close()
        writer.socket.close()
        pump.close_all()
        await asyncio.sleep(0)

    asyncio.run(run())


def test_a_connection_that_has_gone_leaves_nothing_to_the_collector():
    async def run():
        pump = Pump(Machine().server)
        client = await connected(pump)
        await client.send("monitor_cond", "T", "m", {"A": [{"columns": ["name"]}]})
        await client.heard()
        assert n_alive() == 2
        gc.collect()
        gc.disable()
        try:
            client.socket.close()
            for _ in range(100):
                if not pump.server.sessions:
                    break
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            assert n_alive() == 0
        finally:
            gc.enable()

    asyncio.run(run())


def n_alive():
    return sum(isinstance(each, (Connection, Session)) for each in gc.get_objects())
