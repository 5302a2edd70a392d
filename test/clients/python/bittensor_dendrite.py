"""Version 10 of bittensor: the dendrite calls a synapse and verifies that the machine signed for its answer."""
import asyncio
import json
import os
from typing import Optional
from urllib.parse import urlparse

import bittensor as bt
from bittensor.utils import networking
from bittensor_wallet import Keypair
from signed_report import report

URL = urlparse(os.environ["IDLEWATT_CLIENT_BASE_URL"])
MACHINE = os.environ["IDLEWATT_CLIENT_HOTKEY"]
KEY = Keypair.create_from_seed("0x" + os.environ["IDLEWATT_CLIENT_SEED"])
STRANGER = Keypair.create_from_seed("0x" + "77" * 32)
ASK = {
    "model": os.environ["IDLEWATT_CLIENT_MODEL"],
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 8,
}


# Nobody outside has to be asked for this machine's address.
networking.get_external_ip = lambda: "192.0.2.1"


class IdlewattChat(bt.Synapse):
    request: str
    answer: Optional[str] = None
    required_hash_fields = ("request",)


def call(key=KEY, receiver=MACHINE, ask=ASK):
    async def run():
        dendrite = bt.Dendrite(key)
        axon = bt.AxonInfo(
            version=1, ip=URL.hostname, port=URL.port, ip_type=4, hotkey=receiver, coldkey=receiver
        )
        try:
            return await dendrite(axon, IdlewattChat(request=json.dumps(ask)), timeout=60, deserialize=False)
        finally:
            await dendrite.aclose_session()

    return asyncio.run(run())


def chat():
    synapse = call()
    assert synapse.is_success, (synapse.dendrite.status_code, synapse.dendrite.status_message)
    assert json.loads(synapse.answer)["usage"]["completion_tokens"] > 0, synapse.answer
    axon = synapse.axon
    message = f"{axon.nonce}.{KEY.ss58_address}.{MACHINE}.{axon.uuid}"
    assert Keypair(ss58_address=MACHINE).verify(message, axon.signature), "its signature"


def refused():
    for synapse, status in (
        (call(key=STRANGER), 403),
        (call(receiver=STRANGER.ss58_address), 401),
        (call(ask={**ASK, "model": "none"}), 404),
        (call(ask={**ASK, "stream": True}), 400),
    ):
        assert synapse.dendrite.status_code == status, (status, synapse.dendrite.status_code)
        assert synapse.dendrite.status_message, status


report({"chat": chat, "refused": refused})
