"""x402-conformance checks the storefront's 402, and the facilitator through which it collects."""
import os
import subprocess
import sys

from common import report
from storefront_common import SHOP_URL


def check(*what):
    command = [sys.executable, "-m", "x402conf", *what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).replace("\n", " ")[-180:]


report({
    "402 of chat": lambda: check("resource", SHOP_URL + "/v1/chat/completions"),
    "402 of completions": lambda: check("resource", SHOP_URL + "/v1/completions"),
    "402 of embeddings": lambda: check("resource", SHOP_URL + "/v1/embeddings"),
    "facilitator": lambda: check("live", os.environ["IDLEWATT_CLIENT_FACILITATOR_URL"]),
})
