"""Version 11 of bittensor: signs requests by btauth/1, good ones and those that have to be refused."""
import json
import os
import time
import urllib.error
import urllib.request

from bittensor import http_auth
from bittensor.sp_core import Keypair
from signed_report import report

URL = os.environ["IDLEWATT_CLIENT_BASE_URL"]
MACHINE = os.environ["IDLEWATT_CLIENT_HOTKEY"]
KEY = Keypair.create_from_seed(bytes.fromhex(os.environ["IDLEWATT_CLIENT_SEED"]))
STRANGER = Keypair.create_from_seed(b"w" * 32)
CHAT = "/v1/chat/completions"
ASK = {
    "model": os.environ["IDLEWATT_CLIENT_MODEL"],
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 8,
}


def send(headers, body, path=CHAT, method="POST"):
    request = urllib.request.Request(URL + path, data=body or None, method=method)
    for name, value in {**headers, "content-type": "application/json"}.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def signed(body, key=KEY, path=CHAT, method="POST", receiver=MACHINE, **more):
    return http_auth.sign(key, method=method, path=path, body=body, receiver_ss58=receiver, **more)


def expect(status, answer):
    assert answer[0] == status, answer
    return answer[1]


BODY = json.dumps(ASK).encode()


def chat():
    answer = json.loads(expect(200, send(signed(BODY), BODY)))
    assert answer["usage"]["completion_tokens"] > 0, answer


def stream():
    body = json.dumps({**ASK, "stream": True}).encode()
    assert "[DONE]" in expect(200, send(signed(body), body))


def models():
    answer = expect(200, send(signed(b"", path="/v1/models", method="GET"), b"", "/v1/models", "GET"))
    assert json.loads(answer)["data"][0]["id"] == ASK["model"], answer


def replayed():
    headers = signed(BODY)
    expect(200, send(headers, BODY))
    expect(401, send(headers, BODY))


def refused():
    now = time.time_ns()
    expect(401, send(signed(BODY), BODY + b" "))
    expect(401, send(signed(BODY, nonce_ns=now - 11 * 10**9), BODY))
    expect(401, send(signed(BODY, nonce_ns=now + 4 * 10**9), BODY))
    expect(401, send(signed(BODY, receiver=STRANGER.ss58_address), BODY))
    expect(403, send(signed(BODY, key=STRANGER), BODY))
    expect(401, send({}, BODY))


report({"chat": chat, "stream": stream, "models": models, "replayed": replayed, "refused": refused})
