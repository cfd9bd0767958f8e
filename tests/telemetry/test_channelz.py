"""Channelz: what gRPC does in a hub, for an operator on its machine alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import grpc.aio
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from polydesk.config import Settings
from polydesk.domain.errors import NotConfigured
from polydesk.server import Hub
from tests.conftest import Native
from tests.stack import free_port


async def test_channelz_tells_of_the_hubs_server_where_it_was_asked_for(
    seeded: Path, tmp_path: Path
) -> None:
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    address, own = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    hub = await Hub.start(Settings(data=tmp_path, hub=own, channelz=address))
    async with (
        grpc.aio.insecure_channel(hub.address) as channel,
        grpc.aio.insecure_channel(address) as private,
    ):
        for place in (channel, private):
            await place.channel_ready()
        found = await channelz_pb2_grpc.ChannelzStub(private).GetServers(
            channelz_pb2.GetServersRequest()
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channelz_pb2_grpc.ChannelzStub(channel).GetServers(
                channelz_pb2.GetServersRequest()
            )

    await hub.stop()

    sockets = [socket.name for server in found.server for socket in server.listen_socket]
    assert f"chttp2 listener ipv4:{own}" in sockets
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_no_channelz_is_answered_on_the_hubs_own_port(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channelz_pb2_grpc.ChannelzStub(native.channel).GetServers(
            channelz_pb2.GetServersRequest()
        )

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("address", ["0.0.0.0:9465", "192.0.2.1:1", "unix:/run/x", "nowhere"])
async def test_channelz_is_refused_where_others_can_come(address: str, tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="loopback"):
        await Hub.start(Settings(data=tmp_path, channelz=address))
